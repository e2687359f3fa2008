import * as fc from 'fast-check'
import t from 'tap'
import { jobId } from '../../../test/helpers/jobs.ts'
import { SortedIds } from './sorted-ids.ts'

const pool = Array.from({ length: 30 }, (_, n) => jobId(new Date(1e12 + n * 1000)))
const some = fc.subarray(pool)
const one = fc.constantFrom(...pool)

t.test('ids are in the order of submission, whatever comes and goes', async t => {
  const property = fc.property(some, some, some, some, one, (first, came, went, found, before) => {
    const ids = new SortedIds()
    for (const id of first) ids.add(id)
    const had = ids.copy()
    for (const id of came) ids.add(id)
    for (const id of went) ids.remove(id)
    ids.update(had, new Set(found))
    const since = new Set([...came, ...went])
    const expected = pool.filter(id => {
      const unchanged = first.includes(id) && found.includes(id) && !went.includes(id)
      const isNew = !first.includes(id) && !went.includes(id) && (came.includes(id) || found.includes(id))
      return unchanged || isNew || (!first.includes(id) && !since.has(id) && found.includes(id))
    })
    const all = [...ids.all]
    // What went since and is found all the same is for the caller to remove again, who knows which of the two was last.
    t.strictSame(
      all.filter(id => !went.includes(id)),
      expected,
    )
    t.strictSame([...ids.newestFirst(before)], all.filter(id => id < before).reverse())
    for (const id of pool) t.equal(ids.indexOf(id), all.includes(id) ? all.indexOf(id) : undefined)
  })
  fc.assert(property, { numRuns: 50 })
})

t.test('who goes through them meets each once, though others come and go', async t => {
  const ids = new SortedIds()
  for (const id of pool.slice(10)) ids.add(id)
  const met: string[] = []
  for (const id of ids.newestFirst()) {
    met.push(id)
    if (id === pool[20]) {
      for (const older of pool.slice(0, 5)) ids.add(older)
      for (const gone of pool.slice(18, 25)) ids.remove(gone)
    }
  }
  t.strictSame(met, [...pool.slice(0, 5), ...pool.slice(10, 18), ...pool.slice(20)].reverse())
})
