import { copyFileSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { Journal } from '../../src/jobs/ports.ts'
import { FileBench, failure, looksAt, noEnd } from './file-bench.ts'

/** A disk that writes the attempt and then does not say so. */
const failsOnceBegun = (journal: Journal): Partial<Journal> => ({
  async begin(job) {
    await journal.begin(job)
    throw failure('EIO')
  },
})

t.test('file store: a claim that failed after it had begun is no obstacle to a cancel request', async t => {
  const bench = new FileBench(t)
  const failing = await bench.open({ change: failsOnceBegun })
  const job = bench.newJob()
  await failing.submit(job)
  await t.rejects(failing.claim({ podName: 'a' }), { code: 'EIO' })
  t.match(await failing.get(job.id), { status: 'running', fence: 1 })
  const store = await bench.open()
  t.match(await store.cancel(job.id), { status: 'cancelled', cancelRequestedAt: bench.clock.now().toISOString() })
  t.match(await store.get(job.id), { status: 'cancelled' })
  t.strictSame(readdirSync(join(bench.root, 'queue')), [])
  t.strictSame(readdirSync(join(bench.root, 'verdict')), [])
})

t.test('file store: a second marker of a job that runs takes it from nobody, whoever finds it', async t => {
  const bench = new FileBench(t)
  const [store, other] = [await bench.open(), await bench.open()]
  const job = bench.newJob()
  await store.submit(job)
  const lease = await bench.claim(store)
  for (const each of [store, other]) {
    const [boot = ''] = readdirSync(join(bench.root, 'holders')).filter(name => name === lease.job.bootId)
    copyFileSync(join(bench.root, 'holders', boot, job.id), join(bench.root, 'queue', job.id))
    t.equal(await each.claim({ podName: 'b' }), undefined)
    t.strictSame(await each.reap(noEnd), [])
    t.match(await each.get(job.id), { status: 'running', fence: 1 })
  }
  t.match(await store.finish(lease, { status: 'succeeded', facts: {} }), { status: 'succeeded' })
  t.equal(await store.claim({ podName: 'b' }), undefined)
  t.strictSame(readdirSync(join(bench.root, 'queue')), [])
})

t.test('file store: a job that started while somebody thought it overdue waits on, with what it has', async t => {
  const bench = new FileBench(t)
  const other = await bench.open()
  const job = bench.newJob({ queueTtlSeconds: 60 })
  await other.submit(job)
  const slow = await bench.open({
    change: looksAt(1, async () => {
      const lease = await bench.claim(other)
      await other.record(lease, { sessionId: 's', totalCostUsd: 4 })
      await other.release(lease)
      bench.clock.advance(60_000)
    }),
  })
  t.strictSame(await slow.reap(noEnd), [])
  t.match(await other.get(job.id), { status: 'queued', fence: 1, sessionId: 's', totalCostUsd: 4, queuePosition: 1 })
  t.equal((await bench.claim(other)).fence, 2)
})

t.test('file store: a job that is cancelled while it waits again keeps what it has cost', async t => {
  const bench = new FileBench(t)
  const other = await bench.open()
  const job = bench.newJob()
  await other.submit(job)
  const slow = await bench.open({
    change: looksAt(1, async () => {
      const lease = await bench.claim(other)
      await other.record(lease, { sessionId: 's', totalCostUsd: 4 })
      await other.release(lease)
      await bench.dying('cancel: marked', store => store.cancel(job.id))
    }),
  })
  t.match(await slow.reap(noEnd), [{ lease: { fence: 1 }, job: { status: 'cancelled' } }])
  t.match(await other.get(job.id), { status: 'cancelled', fence: 1, sessionId: 's', totalCostUsd: 4 })
})

for (const code of ['ENOSPC', 'EMFILE', 'EIO']) {
  t.test(
    `file store: a job that cannot be taken back (${code}) keeps no other one from it, and is tried again`,
    async t => {
      const bench = new FileBench(t)
      const jobs = [bench.newJob(), bench.newJob(), bench.newJob()]
      const [stubborn] = jobs
      const dying = await bench.open()
      for (const job of jobs) await dying.submit(job)
      for (const _ of jobs) await bench.claim(dying)
      await dying.close()
      const overdue = bench.newJob({ queueTtlSeconds: 1 })
      const store = await bench.open({
        change: journal => ({
          async update(job) {
            if (job.id === stubborn?.id) throw failure(code)
            await journal.update(job)
          },
        }),
      })
      await store.submit(overdue)
      bench.clock.advance(1000)
      const reaped = await store.reap(noEnd)
      t.strictSame(
        reaped.map(({ job }) => [job.id, job.status]),
        [
          [jobs[1]?.id, 'queued'],
          [jobs[2]?.id, 'queued'],
          [overdue.id, 'expired'],
        ],
      )
      t.match(bench.warnings, [new RegExp(`^Job ${stubborn?.id} could not be seen to: ${code}.* until the next look`)])
      const heir = await bench.open()
      t.match(await heir.reap(noEnd), [{ lease: { fence: 1 }, job: { id: stubborn?.id, status: 'queued' } }])
      t.equal(bench.warnings.length, 1)
    },
  )
}

t.test(
  'file store: a job whose processes cannot be ended stays where it is, and no other one waits for it',
  async t => {
    const bench = new FileBench(t)
    const [stubborn, other] = [bench.newJob(), bench.newJob()]
    for (const job of [stubborn, other]) {
      const dying = await bench.open()
      await dying.submit(job)
      await bench.claim(dying)
      await dying.close()
    }
    const store = await bench.open()
    const reaped = await store.reap(async ({ job }) => {
      if (job.id === stubborn.id) throw new Error('Processes of user 20000 cannot be ended')
    })
    t.match(reaped, [{ job: { id: other.id, status: 'queued' } }])
    t.match(bench.warnings, [/Processes of user 20000 cannot be ended/])
    t.match(await store.get(stubborn.id), { status: 'running', fence: 1 })
    t.equal((await bench.claim(store)).job.id, other.id)
  },
)

t.test('file store: a job of a newer agenticore is left to that one, and others go on', async t => {
  const bench = new FileBench(t)
  const dying = await bench.open()
  const [newer, job] = [bench.newJob(), bench.newJob()]
  for (const each of [newer, job]) await dying.submit(each)
  for (const _ of [newer, job]) await bench.claim(dying)
  await dying.close()
  const path = join(bench.root, `${newer.id}.d/1/attempt.json`)
  const written = JSON.stringify({ ...JSON.parse(readFileSync(path, 'utf8')), schema_version: 2 })
  writeFileSync(path, written)
  const store = await bench.open()
  t.match(await store.reap(noEnd), [{ job: { id: job.id, status: 'queued' } }])
  t.match(bench.warnings, [/newer agenticore/])
  await t.rejects(store.get(newer.id), { code: 'newer_record' })
  t.equal((await store.list({ limit: 5 })).length, 1)
  t.equal((await bench.claim(store)).job.id, job.id)
  t.strictSame(await store.sweep(), [])
  t.equal(readFileSync(path, 'utf8'), written)
})

t.test('file store: what a newer agenticore added to a record stays through a whole life', async t => {
  const bench = new FileBench(t)
  const store = await bench.open()
  const job = bench.newJob()
  await store.submit(job)
  const path = join(bench.root, `${job.id}.json`)
  writeFileSync(path, JSON.stringify({ ...JSON.parse(readFileSync(path, 'utf8')), new_field: ['x'] }))
  await store.release(await bench.claim(store))
  const lease = await bench.claim(store)
  await store.record(lease, { sessionId: 's' })
  await store.finish(lease, { status: 'succeeded', facts: {} })
  t.match(JSON.parse(readFileSync(path, 'utf8')), { status: 'succeeded', new_field: ['x'] })
})

t.test('a job that cannot be put back into the queue is put there later', async t => {
  const bench = new FileBench(t)
  const [queue, gone] = [join(bench.root, 'queue'), join(bench.root, 'gone')]
  let isBroken = true
  const store = await bench.open({
    change: journal => ({
      async begin(job) {
        if (!isBroken) return await journal.begin(job)
        renameSync(queue, gone)
        throw new Error('the volume is gone')
      },
    }),
  })
  const job = await store.submit(bench.newJob())
  await t.rejects(store.claim({ podName: 'a' }), { message: 'the volume is gone' })
  renameSync(gone, queue)
  isBroken = false
  t.equal((await bench.claim(store)).job.id, job.id)
})
