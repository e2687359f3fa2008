import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { ManualClock } from '../../../test/helpers/clock.ts'
import { jobId } from '../../../test/helpers/jobs.ts'
import { until } from '../../../test/helpers/until.ts'
import type { JobId } from '../../jobs/job.ts'
import { idOfMarker, KnownIds } from './known-ids.ts'

/** Each entry takes a while, as if there were very many of them. */
function largeDirectory(t: Test) {
  const directory = t.testdir()
  const clock = new ManualClock()
  let reads = 0
  const idOf = (entry: Parameters<typeof idOfMarker>[0]): JobId | undefined => {
    clock.advance(10)
    reads += 1
    return idOfMarker(entry)
  }
  const ids = new KnownIds({ directory, idOf, clock })
  const put = (): JobId => {
    clock.advance(1)
    const id = jobId(clock.now())
    writeFileSync(join(directory, id), '')
    return id
  }
  return { directory, clock, ids, put, reads: () => reads }
}

t.test('the first look is exact; later ones do not wait, but for what this process has done', async t => {
  const { directory, clock, ids, put } = largeDirectory(t)
  const first = put()
  t.strictSame(await ids.all(), [first])
  const others = put()
  const own = put()
  ids.add(own)
  t.strictSame(await ids.all(), [first, own])
  clock.advance(1000)
  t.strictSame(await ids.all(), [first, own], 'looks meanwhile')
  await until(async () => ((await ids.all()).length === 3 ? true : undefined))
  t.strictSame([...(await ids.newestFirst(own))], [others, first])
  t.strictSame([await ids.indexOf(own), await ids.indexOf(jobId(clock.now()))], [2, undefined])
  rmSync(join(directory, first))
  ids.remove(first)
  t.strictSame(await ids.all(), [others, own])
})

t.test('who comes after a minute waits for what has come from elsewhere', async t => {
  const { clock, ids, put } = largeDirectory(t)
  const first = put()
  await ids.all()
  const others = put()
  clock.advance(120_000)
  t.strictSame(await ids.all(), [first, others])
})

t.test('a directory in which nothing happens is read once more, and no more', async t => {
  const { clock, ids, put, reads } = largeDirectory(t)
  put()
  for (let n = 0; n < 10; n++) {
    await ids.all()
    clock.advance(120_000)
  }
  // Small until it was read, then once with the time of its last change, and once more for what came in the same tick.
  t.equal(reads(), 3)
})

t.test('a large directory that cannot be read is said to the next one who asks', async t => {
  const { directory, clock, ids, put } = largeDirectory(t)
  put()
  await ids.all()
  rmSync(directory, { recursive: true })
  clock.advance(1000)
  t.equal((await ids.all()).length, 1)
  await until(() =>
    ids.all().then(
      () => undefined,
      (error: unknown) => t.match(error, { code: 'ENOENT' }),
    ),
  )
})
