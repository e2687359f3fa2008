import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { Lease } from '../../src/jobs/ports.ts'
import type { RedisJobStore } from '../../src/store/redis/store.ts'
import { done } from '../contract/kit.ts'
import { RedisBench } from '../contract/redis-bench.ts'
import { ManualClock } from '../helpers/clock.ts'
import { newJob } from '../helpers/jobs.ts'
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
