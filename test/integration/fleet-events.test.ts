import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { Changes } from '../../src/jobs/changes.ts'
import { FileEventLog } from '../../src/store/journal/events.ts'
import { RedisEventLog } from '../../src/store/redis/event-log.ts'
import { systemClock } from '../../src/util/clock.ts'
import { accepted, RedisBench } from '../contract/redis-bench.ts'
import { newJob } from '../helpers/jobs.ts'
import { proxyTo } from '../helpers/proxy.ts'
import { redisFor } from '../helpers/redis.ts'
import { until } from '../helpers/until.ts'

const redis = await redisFor(t)
const clock = systemClock
const warning = (message: string) => ({ type: 'warning', message }) as const

/** An attempt whose pod reaches Redis by a wire. */
async function attempt(t: Test) {
  const proxy = await proxyTo(t, redis.port)
  const bench = new RedisBench(t, redis, clock)
  const store = await bench.open({ url: `redis://127.0.0.1:${proxy.port}` })
  await accepted(store, newJob(clock.now()))
  const lease = await store.claim({ podName: 'pod' })
  if (!lease) throw new Error('nothing to claim')
  mkdirSync(join(bench.root, `${lease.job.id}.d`, String(lease.fence)), { recursive: true })
  const points: string[] = []
  const { connections } = store
  const log = new RedisEventLog({
    files: new FileEventLog(bench.root, { clock, redact: text => text }),
    scripts: connections.ask.with({ reached: point => points.push(point) }),
    isUp: () => connections.isUp,
    clock,
    changes: new Changes(),
    follow: () => connections.follow(),
    pollMs: 50,
  })
  const stream = async () =>
    (await redis.client.xrange(bench.key(`events:${lease.job.id}`), '-', '+')).map(([id]) => id)
  return { proxy, log, lease, points, stream, isUp: () => connections.isUp }
}

t.test('the agent does not wait until others have been told; they are told in order', async t => {
  const { proxy, log, lease, points, stream } = await attempt(t)
  await log.append(lease, warning('first'))
  await until(() => points.includes('event: answered') || undefined)
  points.length = 0
  proxy.delay(300)
  for (const message of ['a', 'b', 'c']) await log.append(lease, warning(message))
  t.strictSame(points, ['event: sent', 'event: sent', 'event: sent'], 'none has been answered')
  await until(() => points.length === 6 || undefined)
  t.strictSame(await stream(), ['1-1', '1-2', '1-3', '1-4'])
})

t.test('while Redis is away nobody is told, and all is in the file', async t => {
  const { proxy, log, lease, points, isUp } = await attempt(t)
  proxy.cut()
  await until(() => !isUp() || undefined)
  for (const message of ['a', 'b']) await log.append(lease, warning(message))
  t.strictSame(points, [], 'nothing was sent')
  const read: string[] = []
  for await (const { id } of log.read(lease.job.id)) read.push(id)
  t.strictSame(read, ['1-1', '1-2'])
})
