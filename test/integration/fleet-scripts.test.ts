import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { Lease } from '../../src/jobs/ports.ts'
import { FileJournal } from '../../src/store/journal/journal.ts'
import type { RedisJobStore } from '../../src/store/redis/store.ts'
import { done } from '../contract/kit.ts'
import { RedisBench } from '../contract/redis-bench.ts'
import { ManualClock } from '../helpers/clock.ts'
import { jobId, newJob } from '../helpers/jobs.ts'
import { redisFor } from '../helpers/redis.ts'

const redis = await redisFor(t)

async function begin(t: Test) {
  const clock = new ManualClock()
  const bench = new RedisBench(t, redis, clock)
  const store = await bench.open()
  const submit = (given = {}) => {
    clock.advance(10)
    return store.submit(newJob(clock.now(), given))
  }
  const claim = async (from: RedisJobStore = store): Promise<Lease> => {
    const lease = await from.claim({ podName: 'pod' })
    if (!lease) throw new Error('nothing to claim')
    return lease
  }
  return { clock, bench, store, submit, claim, scripts: store.connections.work }
}

t.test('who seizes an attempt once more has all of its time again', async t => {
  const { bench, submit, claim, scripts } = await begin(t)
  await submit()
  const { job } = await claim()
  for (const once of ['first', 'again']) {
    await redis.client.zadd(bench.key('running'), 0, job.id)
    t.match(await scripts.run('seize', job.id, 'reaper', 60_000, '', 1), ['seized'], once)
    t.ok(Number(await redis.client.zscore(bench.key('running'), job.id)) > Date.now() + 30_000, once)
  }
})

t.test('a key that is used again after its job has ended marks nothing as going on', async t => {
  const { bench, store, submit, claim } = await begin(t)
  const job = await submit({ idempotencyKey: 'k' })
  await store.finish(await claim(), done)
  t.match(await submit({ idempotencyKey: 'k' }), { id: job.id, status: 'succeeded' })
  t.strictSame(readdirSync(join(bench.root, 'active')), [])
})

t.test(
  'a submission that is sent again after its job has ended marks nothing as going on, and says how it ended',
  async t => {
    const { bench, store, submit, claim } = await begin(t)
    const job = await submit()
    await store.finish(await claim(), done)
    const points: string[] = []
    const again = await bench.open({ journal: await FileJournal.open(bench.root, point => points.push(point)) })
    t.match(await again.submit(job), { id: job.id, status: 'succeeded' })
    t.strictSame(points, [], 'it is not written down again')
    t.strictSame(readdirSync(join(bench.root, 'active')), [])
    const journal = await FileJournal.open(bench.root)
    t.equal(await journal.create(job), false, 'by a submitter who was too slow')
    t.strictSame(readdirSync(join(bench.root, 'active')), [])
  },
)

t.test('the key of a job that Redis has lost is free', async t => {
  const { bench, submit } = await begin(t)
  const lost = await submit({ idempotencyKey: 'k' })
  await redis.client.del(bench.key(`job:${lost.id}`))
  const job = await submit({ idempotencyKey: 'k' })
  t.not(job.id, lost.id)
  t.equal((await submit({ idempotencyKey: 'k' })).id, job.id)
})

t.test('a job that the journal alone has is cancelled there, too', async t => {
  const { bench, store, submit } = await begin(t)
  const { id } = await submit()
  await redis.client.del(bench.key(`job:${id}`))
  t.match(await store.cancel(id), { id, status: 'cancelled' })
  t.match(await store.get(id), { status: 'cancelled' })
  t.equal(await store.claim({ podName: 'pod' }), undefined)
})

t.test('what has waited for its time is in the queue from then on, though nobody claims', async t => {
  const { clock, bench, store, submit, claim } = await begin(t)
  const [due, later] = [await submit(), await submit()]
  await store.release(await claim(), new Date(clock.now().getTime() + 1000))
  await store.release(await claim(), new Date(clock.now().getTime() + 60_000))
  await store.reap(async () => undefined)
  t.equal(await redis.client.llen(bench.key('queue')), 0)
  clock.advance(1000)
  for (const once of ['looked', 'looked again']) {
    await store.reap(async () => undefined)
    t.strictSame(await redis.client.lrange(bench.key('queue'), 0, -1), [due.id], once)
  }
  t.strictSame(await redis.client.zrange(bench.key('delayed'), '0', '-1'), [later.id])
  t.equal((await claim()).job.id, due.id)
})

t.test('what comes back into a long queue finds its place without looking through it', async t => {
  const { clock, bench, store, submit, claim } = await begin(t)
  const queue = bench.key('queue')
  const before = await waiting(clock, queue, 3000)
  const { id } = await submit()
  const after = await waiting(clock, queue, 3)
  await redis.client.lrem(queue, 1, id)
  await redis.client.lpush(queue, id)
  const lease = await claim()
  await redis.client.config('RESETSTAT')
  await store.release(lease)
  const calls = [...(await redis.client.info('commandstats')).matchAll(/cmdstat_(lindex|lrange):calls=(\d+)/g)]
  t.ok(calls.reduce((sum, [, , count]) => sum + Number(count), 0) < 20, String(calls))
  t.strictSame(await redis.client.lrange(queue, 0, -1), [...before, id, ...after])
})

/** Ids at the end of the queue that no job has. */
async function waiting(clock: ManualClock, queue: string, count: number): Promise<string[]> {
  const ids = Array.from({ length: count }, () => {
    clock.advance(1)
    return jobId(clock.now())
  })
  await redis.client.rpush(queue, ...ids)
  return ids
}

t.test('Redis is asked for so many jobs of the journal at once, and no more', async t => {
  const { clock, bench } = await begin(t)
  for (let n = 0; n < 501; n++) writeFileSync(join(bench.root, 'active', jobId(clock.now())), '')
  const reached: string[] = []
  const store = await bench.open({ reached: point => void reached.push(point) })
  await store.reap(async () => undefined)
  t.equal(reached.filter(point => point === 'missing: sent').length, 2)
})

t.test('many that are due are counted, and the first of them is named', async t => {
  const { clock, bench, store, submit, claim } = await begin(t)
  const { createdAt } = await submit()
  await store.release(await claim(), new Date(clock.now().getTime() + 1))
  clock.advance(1000)
  for (let n = 0; n < 150; n++) await redis.client.zadd(bench.key('delayed'), clock.now().getTime(), jobId(clock.now()))
  t.match(await store.stats(), { ready: 151, delayed: 0, oldestReadyAt: createdAt })
})

t.test('a holder that was refused writes nothing more about its attempt', async t => {
  const { bench, store, submit, claim } = await begin(t)
  const { id } = await submit()
  const lease = await claim()
  await redis.client.hset(bench.key(`job:${id}`), 'boot_id', '"another"')
  await t.rejects(store.record(lease, { branch: 'agenticore/x' }), { code: 'stale_lease' })
  await t.rejects(store.finish(lease, done), { code: 'stale_lease' })
  const journal = await FileJournal.open(bench.root)
  t.equal(await journal.readOutcome(id), undefined)
})

t.test('a job is listed under the session it is in, and under none when it is forgotten', async t => {
  const { clock, bench, store, submit, claim } = await begin(t)
  const { id } = await submit({ sessionId: 'one', ttlSeconds: 60 })
  const lease = await claim()
  await store.record(lease, { sessionId: 'two' })
  t.strictSame(await store.list({ limit: 9, session: 'one' }), [])
  t.match(await store.list({ limit: 9, session: 'two' }), [{ id }])
  await store.finish(lease, done)
  clock.advance(61_000)
  t.match(await store.sweep(), [{ id }])
  t.strictSame(await redis.client.keys(bench.key('jobs:session:*')), [])
})

t.test('a job that Redis was behind with is listed under the session of the journal alone', async t => {
  const { bench, store, submit, claim, listed } = await sessions(t)
  const moved = await submit({ sessionId: 'one' })
  const lease = await claim()
  // Its holder went on in another conversation, and Redis has lost that.
  const journal = await FileJournal.open(bench.root)
  await journal.outcome({ ...lease.job, status: 'succeeded', sessionId: 'two', endedAt: lease.job.createdAt })
  await journal.fold({ ...lease.job, status: 'succeeded', sessionId: 'two', endedAt: lease.job.createdAt })
  const dropped = await submit({ sessionId: 'one' })
  const kept = await submit({ sessionId: 'one' })
  await journal.remove(dropped.id)
  t.strictSame(await listed('one'), [kept.id, dropped.id, moved.id])
  await redis.client.del(bench.key('epoch'))
  await store.stats()
  t.strictSame(await listed('one'), [kept.id])
  t.strictSame(await listed('two'), [moved.id])
  t.equal(await redis.client.zcard(bench.key('jobs:session:one')), 1)
})

async function sessions(t: Test) {
  const begun = await begin(t)
  const listed = async (session: string) => (await begun.store.list({ limit: 9, session })).map(({ id }) => id)
  return { ...begun, listed }
}
