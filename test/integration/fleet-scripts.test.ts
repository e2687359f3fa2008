import t, { type Test } from 'tap'
import type { Lease } from '../../src/jobs/ports.ts'
import type { RedisJobStore } from '../../src/store/redis/store.ts'
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
    t.match(await scripts.run('seize', job.id, 'reaper', 60_000, ''), ['seized'], once)
    t.ok(Number(await redis.client.zscore(bench.key('running'), job.id)) > Date.now() + 30_000, once)
  }
})
