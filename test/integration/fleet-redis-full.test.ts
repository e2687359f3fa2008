import t from 'tap'
import type { Lease } from '../../src/jobs/ports.ts'
import { RedisFleet } from '../../src/store/redis/fleet.ts'
import { systemClock } from '../../src/util/clock.ts'
import { done } from '../contract/kit.ts'
import { RedisBench } from '../contract/redis-bench.ts'
import { newJob } from '../helpers/jobs.ts'
import { redisFor } from '../helpers/redis.ts'

const redis = await redisFor(t, ['--save', '', '--appendonly', 'no', '--maxmemory-policy', 'noeviction'])

t.test(
  'Redis is full: nothing new begins, and what runs is renewed, recorded, cancelled and brought to its end',
  async t => {
    const bench = new RedisBench(t, redis, systemClock)
    const boot = { id: crypto.randomUUID(), podName: 'pod', ordinal: 0 }
    const store = await bench.open({ boot })
    const fleet = new RedisFleet(store.connections, boot)
    const dying = await bench.open()
    for (let n = 0; n < 5; n++) await store.submit(newJob(new Date(Date.now() + n)))
    const given = async (from = store): Promise<Lease> => {
      const lease = await from.claim({ podName: 'pod' })
      if (!lease) throw new Error('nothing to claim')
      return lease
    }
    const [finished, released, cancelled, orphan] = [await given(), await given(), await given(), await given(dying)]
    await redis.client.config('SET', 'maxmemory', '1mb')

    const claiming = store.claim({ podName: 'pod' })
    await t.rejects(store.submit(newJob(new Date())), { code: 'store_unavailable' }, 'nothing is accepted')

    const about = { version: '1', capacity: 1, startedAt: new Date().toISOString(), draining: false }
    t.strictSame(await fleet.beat(about), { drain: false })
    t.match(await store.cancel(cancelled.job.id), { status: 'running' })
    t.strictSame(await store.renew([finished, released, cancelled]), ['held', 'held', 'cancelled'])
    t.match(await store.record(finished, { branch: 'agenticore/x' }), { branch: 'agenticore/x' })
    t.match(await store.finish(finished, done), { status: 'succeeded' })
    t.match(await store.release(released), { status: 'queued' })
    t.match(await store.finish(cancelled, done), { status: 'cancelled' })
    await dying.close()
    t.match(await store.reap(async () => undefined), [{ job: { id: orphan.job.id, status: 'queued' } }])
    await store.sweep()
    t.equal(await redis.client.llen(bench.key('queue')), 3, 'no attempt has begun')

    await redis.client.config('SET', 'maxmemory', '0')
    t.match(await claiming, { job: { id: released.job.id }, fence: 2 })
  },
)
