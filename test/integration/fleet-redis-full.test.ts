import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { Changes } from '../../src/jobs/changes.ts'
import type { Lease } from '../../src/jobs/ports.ts'
import { FileEventLog } from '../../src/store/journal/events.ts'
import { RedisEventLog } from '../../src/store/redis/event-log.ts'
import { RedisFleet } from '../../src/store/redis/fleet.ts'
import { systemClock } from '../../src/util/clock.ts'
import { done } from '../contract/kit.ts'
import { RedisBench } from '../contract/redis-bench.ts'
import { newJob } from '../helpers/jobs.ts'
import { redisFor } from '../helpers/redis.ts'
import { until } from '../helpers/until.ts'

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

t.test(
  'Redis is full: what happens in a job is written down, and who follows it on another pod sees it at once',
  async t => {
    const bench = new RedisBench(t, redis, systemClock)
    const changes = new Changes()
    const store = await bench.open()
    const other = await bench.open({ changed: (id, what) => changes.tell(id, what === 'event' ? 'event' : 'record') })
    const logOf = ({ connections }: typeof store, points: string[]) =>
      new RedisEventLog({
        files: new FileEventLog(bench.root, { clock: systemClock, redact: text => text }),
        scripts: connections.ask.with({ reached: point => points.push(point) }),
        isUp: () => connections.isUp,
        clock: systemClock,
        changes,
        follow: () => connections.follow(),
        // Nobody looks by themselves.
        pollMs: 3_600_000,
      })
    const { id } = await store.submit(newJob(new Date()))
    const lease = await store.claim({ podName: 'pod' })
    if (!lease) throw new Error('nothing to claim')
    mkdirSync(join(bench.root, `${id}.d`, '1'), { recursive: true })
    const points: string[] = []
    const log = logOf(store, points)
    const say = (message: string) => log.append(lease, { type: 'warning', message })
    const stop = new AbortController()
    const seen: string[] = []
    const reading = (async () => {
      const follow = { ended: async () => false, signal: stop.signal }
      for await (const event of logOf(other, []).read(id, { follow })) seen.push(event.id)
    })()
    const sees = async (count: number) => await until(() => seen.length === count || undefined)

    await say('before')
    await sees(1)
    await redis.client.config('SET', 'maxmemory', '1mb')
    await say('full')
    await sees(2)
    t.equal((await redis.client.xrange(bench.key(`events:${id}`), '-', '+')).length, 1)
    await redis.client.config('SET', 'maxmemory', '0')
    await say('after')
    await sees(3)
    t.strictSame(seen, ['1-1', '1-2', '1-3'])
    const answers = () => points.filter(point => point === 'event: answered').length
    // Seen from the file, maybe, before Redis has answered.
    await until(() => answers() >= 3 || undefined)
    t.match(await store.finish(lease, done), { status: 'succeeded' })
    t.equal(answers(), 3, 'nothing is tried again and again')
    stop.abort()
    await reading
  },
)
