import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { execa } from 'execa'
import t, { type Test } from 'tap'
import type { Job, JobId } from '../../src/jobs/job.ts'
import { encodeJob } from '../../src/jobs/record.ts'
import { FileJournal, type JournalPoint } from '../../src/store/journal/journal.ts'
import type { ScriptPoint } from '../../src/store/redis/scripts.ts'
import type { RedisJobStore } from '../../src/store/redis/store.ts'
import { systemClock } from '../../src/util/clock.ts'
import { accepted, RedisBench } from '../contract/redis-bench.ts'
import { compileCache } from '../helpers/compile-cache.ts'
import { newJob } from '../helpers/jobs.ts'
import { redisFor, startRedis } from '../helpers/redis.ts'
import { until } from '../helpers/until.ts'

type Point = ScriptPoint | JournalPoint

const redis = await redisFor(t)
const submitPoints: readonly Point[] = [
  'submit: sent',
  'submit: answered',
  'create: marked',
  'epoch: sent',
  'epoch: answered',
]
const claimPoints: readonly Point[] = ['claim: sent', 'claim: answered', 'begin: directory']
const endPoints: readonly Point[] = ['settle: sent', 'settle: answered', 'folded: sent', 'folded: answered']

async function killedAt(bench: RedisBench, step: string, point: Point, job: Job): Promise<void> {
  const script = join(import.meta.dirname, '../fixtures/store/pod.ts')
  const args = [script, redis.url, bench.prefix, bench.root, step, point, JSON.stringify(encodeJob(job))]
  const { signal, stderr } = await execa(process.execPath, args, { reject: false, extendEnv: false, env: compileCache })
  if (signal !== 'SIGKILL') throw new Error(`It was not killed: ${stderr}`)
}

/** Reaped until nothing is left to take back, and run to its end. @returns how often it could be claimed */
async function runAll(store: RedisJobStore): Promise<number> {
  let claims = 0
  await until(async () => {
    await store.reap(async () => undefined)
    for (let lease = await store.claim({ podName: 'heir' }); lease; lease = await store.claim({ podName: 'heir' })) {
      claims += 1
      await store.finish(lease, { status: 'succeeded', facts: { output: 'done' } })
    }
    const { ready, delayed, running } = await store.stats()
    return ready + delayed + running === 0 || undefined
  })
  return claims
}

/** Where Redis has it. */
async function places(bench: RedisBench, id: JobId): Promise<string[]> {
  const isQueued = (await redis.client.lpos(bench.key('queue'), id)) !== null
  const isLeased = (await redis.client.zscore(bench.key('running'), id)) !== null
  return [...(isQueued ? ['queued'] : []), ...(isLeased ? ['leased'] : [])]
}

const heirOn = (bench: RedisBench) => bench.open({ leaseMs: 500, warn: message => t.comment(message) })

t.test('1. an accepted submission is never lost: the pod is killed at every step of submit', async t => {
  for (const point of submitPoints) {
    const bench = new RedisBench(t, redis, systemClock)
    const job = newJob(new Date(), { idempotencyKey: 'k' })
    await killedAt(bench, 'submit', point, job)
    const heir = await heirOn(bench)
    // Nobody was told; who asks again under the same key gets one job, whichever it is.
    const kept = await heir.submit(newJob(new Date(), { idempotencyKey: 'k' }))
    t.equal(await runAll(heir), 1, point)
    t.match(await heir.list({ limit: 9 }), [{ id: kept.id, status: 'succeeded' }])
    t.equal((await heir.list({ limit: 9 })).length, 1)
  }
})

t.test('1. an accepted submission is never lost: Redis is killed at every step of submit, and forgets all', async t => {
  const root = t.testdir({})
  for (const [n, point] of submitPoints.entries()) {
    const directory = join(root, String(n))
    mkdirSync(directory)
    const own = await startRedis({ directory })
    const bench = new RedisBench(t, own, systemClock)
    let isArmed = false
    const reached = (at: Point): void => {
      if (!isArmed || at !== point) return
      isArmed = false
      own.signal('SIGKILL')
    }
    const journal = await FileJournal.open(bench.root, reached)
    const store = await bench.open({ journal, reached, leaseMs: 500, warn: message => t.comment(message) })
    isArmed = true
    const job = newJob(new Date(), { idempotencyKey: 'k' })
    const accepting = accepted(store, job)
    await until(() => !isArmed || undefined)
    await own.start()
    t.equal((await accepting).id, job.id, point)
    t.equal(await runAll(store), 1, point)
    t.match(await store.get(job.id), { status: 'succeeded', output: 'done' })
    await store.close()
    await own.stop()
  }
})

t.test(
  '5. claiming is atomic: killed anywhere in it, a job is queued or leased, never neither, never both',
  async t => {
    for (const point of claimPoints) {
      const bench = new RedisBench(t, redis, systemClock)
      const job = newJob(new Date())
      await killedAt(bench, 'claim', point, job)
      t.strictSame(await places(bench, job.id), [point === 'claim: sent' ? 'queued' : 'leased'], point)
      const heir = await heirOn(bench)
      t.equal(await runAll(heir), 1, point)
      t.match(await heir.get(job.id), { status: 'succeeded', crashes: point === 'claim: sent' ? undefined : 1 })
    }
  },
)

t.test('an end that was said is the end, wherever its pod is killed, and a release gives back', async t => {
  for (const point of endPoints) {
    const bench = new RedisBench(t, redis, systemClock)
    const job = newJob(new Date())
    await killedAt(bench, 'finish', point, job)
    const heir = await heirOn(bench)
    t.equal(await runAll(heir), 0, `${point}: it does not run again`)
    await ends(t, heir, job.id)
  }
  for (const point of ['settle: sent', 'settle: answered'] as const) {
    const bench = new RedisBench(t, redis, systemClock)
    const job = newJob(new Date())
    await killedAt(bench, 'release', point, job)
    const heir = await heirOn(bench)
    t.equal(await runAll(heir), 1, point)
    await ends(t, heir, job.id)
  }
})

/** In Redis and in the journal, with all of its output. */
async function ends(t: Test, store: RedisJobStore, id: JobId): Promise<void> {
  await until(async () => {
    await store.reap(async () => undefined)
    return (await store.get(id))?.output === 'done' || undefined
  })
  t.match(await store.get(id), { status: 'succeeded', output: 'done' })
}
