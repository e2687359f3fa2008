import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { JobId } from '../../src/jobs/job.ts'
import { FileBench, looksAt, noEnd } from './file-bench.ts'

/** What a submission that is repeated in this moment leaves behind. */
const markAgain = (bench: FileBench, id: JobId): void => writeFileSync(join(bench.root, 'queue', id), '')

const attempts = (bench: FileBench, id: JobId): string[] => readdirSync(join(bench.root, `${id}.d`)).sort()

t.test('file store: of two claimers that have each a marker of one job, one starts it', async t => {
  const bench = new FileBench(t)
  const fast = await bench.open()
  const job = bench.newJob()
  await fast.submit(job)
  const started: number[] = []
  const slow = await bench.open({
    // Its first look is before it takes the job, its second after.
    change: looksAt(2, async () => {
      markAgain(bench, job.id)
      started.push((await bench.claim(fast, 'fast')).fence)
    }),
  })
  t.equal(await slow.claim({ podName: 'slow' }), undefined)
  t.strictSame(started, [1])
  t.match(await slow.get(job.id), { status: 'running', podName: 'fast', fence: 1 })
  t.strictSame(attempts(bench, job.id), ['1'])
  t.equal(await slow.claim({ podName: 'slow' }), undefined)
  t.strictSame(readdirSync(join(bench.root, 'queue')), [], 'the marker too many is gone')
  await fast.close()
  t.equal((await slow.reap(noEnd)).length, 1)
  t.equal((await bench.claim(slow)).fence, 2)
})

t.test('file store: who was overtaken by a whole attempt goes on from what that one left', async t => {
  const bench = new FileBench(t)
  const fast = await bench.open()
  const job = bench.newJob()
  await fast.submit(job)
  const slow = await bench.open({
    change: looksAt(2, async () => {
      markAgain(bench, job.id)
      const lease = await bench.claim(fast, 'fast')
      await fast.record(lease, { sessionId: 's', totalCostUsd: 4 })
      await fast.release(lease)
    }),
  })
  const lease = await bench.claim(slow, 'slow')
  t.match(lease.job, { fence: 2, attempt: 1, interruptions: 1, sessionId: 's', totalCostUsd: 4, podName: 'slow' })
  t.equal(await fast.claim({ podName: 'fast' }), undefined)
  t.match(await slow.finish(lease, { status: 'succeeded', facts: {} }), { status: 'succeeded' })
})

t.test('file store: an attempt that somebody else is just beginning is theirs', async t => {
  const bench = new FileBench(t)
  const other = await bench.open()
  const job = bench.newJob()
  await other.submit(job)
  const claims: Promise<unknown>[] = []
  const beginning = await bench.open({
    change: journal => ({
      async begin(running) {
        // Its directory is there, its record not yet.
        mkdirSync(join(bench.root, `${job.id}.d/1`), { recursive: true })
        markAgain(bench, job.id)
        claims.push(other.claim({ podName: 'other' }))
        await Promise.all(claims)
        await journal.update(running)
        return true
      },
    }),
  })
  const lease = await bench.claim(beginning)
  t.strictSame(await Promise.all(claims), [undefined])
  t.strictSame(attempts(bench, job.id), ['1'])
  t.match(await beginning.finish(lease, { status: 'succeeded', facts: {} }), { status: 'succeeded' })
  t.equal(await other.claim({ podName: 'other' }), undefined)
  t.strictSame(readdirSync(join(bench.root, 'queue')), [])
})

t.test('file store: fences that were used up by claims that died are passed over', async t => {
  const bench = new FileBench(t)
  const store = await bench.open()
  const job = bench.newJob()
  await store.submit(job)
  for (const fence of ['1', '2', '3']) mkdirSync(join(bench.root, `${job.id}.d`, fence), { recursive: true })
  t.equal((await bench.claim(store)).fence, 4)
  t.match(await store.get(job.id), { status: 'running', fence: 4 })
})
