import t from 'tap'
import type { Journal } from '../../src/jobs/ports.ts'
import { FileBench, failure } from './file-bench.ts'

t.test('file store: a sweeper that goes on where another one died leaves a key to its new owner', async t => {
  const bench = new FileBench(t)
  const store = await bench.open()
  const old = bench.newJob({ idempotencyKey: 'k', ttlSeconds: 10 })
  await store.submit(old)
  await store.cancel(old.id)
  bench.clock.advance(60_000)
  await bench.dying('sweep: key dropped', each => each.sweep())
  const owner = bench.newJob({ idempotencyKey: 'k' })
  t.equal((await store.submit(owner)).id, owner.id)
  t.strictSame(
    (await store.sweep()).map(job => job.id),
    [old.id],
  )
  t.equal((await store.submit(bench.newJob({ idempotencyKey: 'k' }))).id, owner.id)
  t.equal((await store.list({ limit: 5 })).length, 1)
})

t.test('file store: while one sweeps, another one leaves everything alone', async t => {
  const bench = new FileBench(t)
  const other = await bench.open()
  const during: Promise<unknown[]>[] = []
  const store = await bench.open({
    reached: point => void (point === 'sweep: key dropped' && during.push(other.sweep())),
  })
  const job = bench.newJob({ idempotencyKey: 'k', ttlSeconds: 10 })
  await store.submit(job)
  await store.cancel(job.id)
  bench.clock.advance(60_000)
  t.equal((await store.sweep()).length, 1)
  t.strictSame(await Promise.all(during), [[]])
})

t.test('file store: a job that cannot be removed is said, and keeps no other one from being forgotten', async t => {
  const bench = new FileBench(t)
  const [stubborn, job] = [bench.newJob({ ttlSeconds: 10 }), bench.newJob({ ttlSeconds: 10 })]
  const change = (journal: Journal): Partial<Journal> => ({
    async remove(id) {
      if (id === stubborn.id) throw failure('EACCES')
      await journal.remove(id)
    },
  })
  const store = await bench.open({ change })
  for (const { id } of [await store.submit(stubborn), await store.submit(job)]) await store.cancel(id)
  bench.clock.advance(60_000)
  t.match(await store.sweep(), [{ id: job.id }])
  t.match(bench.warnings, [/EACCES/])
  t.match(await (await bench.open()).sweep(), [{ id: stubborn.id }])
})
