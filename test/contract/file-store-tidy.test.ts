import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { Journal } from '../../src/jobs/ports.ts'
import { FileBench, noEnd } from './file-bench.ts'

const hourMs = 3_600_000

const entries = (bench: FileBench, ...places: string[]): string[] =>
  places.flatMap(place => readdirSync(join(bench.root, place)).map(name => `${place}/${name}`))

for (const point of ['submit: queued', 'create: marked'] as const) {
  t.test(`file store: what a submission leaves that died at "${point}" is swept after an hour, not before`, async t => {
    const bench = new FileBench(t)
    const never = bench.newJob()
    await bench.dying(point, store => store.submit(never))
    const store = await bench.open()
    bench.clock.advance(hourMs - 10)
    await store.sweep()
    t.strictSame(entries(bench, 'queue'), [`queue/${never.id}`])
    const job = bench.newJob()
    await store.submit(job)
    bench.clock.advance(10)
    t.strictSame(await store.sweep(), [])
    t.strictSame(entries(bench, 'queue', 'active'), [`queue/${job.id}`, `active/${job.id}`])
    t.match(await store.get(job.id), { status: 'queued', queuePosition: 1 })
    t.equal((await bench.claim(store)).job.id, job.id)
  })
}

t.test('file store: a key whose job was never made is completed by whoever comes, and one day given up', async t => {
  const bench = new FileBench(t)
  const [soon, late] = ['soon', 'late'].map(idempotencyKey => bench.newJob({ idempotencyKey, ttlSeconds: 7200 }))
  for (const job of [soon, late]) if (job) await bench.dying('submit: keyed', store => store.submit(job))
  const store = await bench.open()
  bench.clock.advance(hourMs + 10)
  await store.sweep()
  t.equal((await store.submit(bench.newJob({ idempotencyKey: 'soon', ttlSeconds: 7200 }))).id, soon?.id)
  bench.clock.advance(hourMs)
  t.strictSame(await store.sweep(), [], 'no job was forgotten: there was none')
  const next = await store.submit(bench.newJob({ idempotencyKey: 'late', ttlSeconds: 7200 }))
  t.not(next.id, late?.id)
  t.strictSame(
    (await store.list({ limit: 5 })).map(job => job.id),
    [next.id, soon?.id],
  )
  t.equal(entries(bench, 'keys').length, 2)
})

/** Falls asleep for that long before it makes the record, while somebody else sweeps and does more. */
const sleepy =
  (bench: FileBench, sleepMs: number, meanwhile: () => Promise<unknown> = async () => undefined) =>
  (journal: Journal): Partial<Journal> => ({
    async create(job) {
      bench.clock.advance(sleepMs)
      const other = await bench.open()
      await other.sweep()
      await meanwhile()
      return await journal.create(job)
    },
  })

t.test('file store: a submitter that sleeps for hours in the middle still gets its job into the queue', async t => {
  const bench = new FileBench(t)
  const job = bench.newJob()
  await (await bench.open({ change: sleepy(bench, 2 * hourMs) })).submit(job)
  t.strictSame(entries(bench, 'queue', 'active'), [`queue/${job.id}`, `active/${job.id}`])
  t.match(await bench.claim(await bench.open()), { job: { id: job.id } })
})

t.test(
  'file store: a submitter that sleeps until its key is given up has it again, or obeys who has it now',
  async t => {
    const bench = new FileBench(t)
    const store = await bench.open()
    const given = { idempotencyKey: 'k', ttlSeconds: 7200 }
    const job = bench.newJob(given)
    t.equal((await (await bench.open({ change: sleepy(bench, 3 * hourMs) })).submit(job)).id, job.id)
    t.equal((await store.submit(bench.newJob(given))).id, job.id)
    const late = { ...given, idempotencyKey: 'l' }
    const [slow, fast] = [bench.newJob(late), bench.newJob(late)]
    const sleeper = await bench.open({ change: sleepy(bench, 3 * hourMs, () => store.submit(fast)) })
    t.equal((await sleeper.submit(slow)).id, fast.id)
    t.match(await store.get(slow.id), { status: 'cancelled' })
    t.match(await store.get(fast.id), { status: 'queued' })
  },
)

t.test('file store: whoever looks at what waits and is over ends it, without a reaper', async t => {
  const bench = new FileBench(t)
  const store = await bench.open()
  const [seen, listed] = [bench.newJob({ queueTtlSeconds: 60 }), bench.newJob({ queueTtlSeconds: 60 })]
  const cancelled = bench.newJob()
  for (const job of [seen, listed, cancelled]) await store.submit(job)
  await bench.dying('cancel: marked', each => each.cancel(cancelled.id))
  bench.clock.advance(60_000)
  const endedAt = bench.clock.now().toISOString()
  t.match(await store.get(seen.id), { status: 'expired', endedAt })
  t.strictSame(
    (await store.list({ limit: 5 })).map(job => [job.id, job.status, job.endedAt]),
    [
      [cancelled.id, 'cancelled', endedAt],
      [listed.id, 'expired', endedAt],
      [seen.id, 'expired', endedAt],
    ],
  )
  t.strictSame(entries(bench, 'queue', 'verdict', 'active'), [])
})

t.test('file store: a marker of what does not wait is cleared away by the next reaper', async t => {
  const bench = new FileBench(t)
  const store = await bench.open()
  const job = bench.newJob()
  await store.submit(job)
  await store.finish(await bench.claim(store), { status: 'succeeded', facts: {} })
  writeFileSync(join(bench.root, 'queue', job.id), '')
  t.strictSame(await store.reap(noEnd), [])
  t.strictSame(entries(bench, 'queue'), [])
  t.match(await store.get(job.id), { status: 'succeeded' })
})
