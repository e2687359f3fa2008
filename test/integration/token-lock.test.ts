import t, { type Test } from 'tap'
import { TokenLock } from '../../src/locks/token-lock.ts'
import { systemClock } from '../../src/util/clock.ts'
import { RedisBench } from '../contract/redis-bench.ts'
import { ManualClock } from '../helpers/clock.ts'
import { redisFor } from '../helpers/redis.ts'
import { never } from '../helpers/repos.ts'
import { until } from '../helpers/until.ts'

const redis = await redisFor(t)
const options = { signal: never, patienceMs: 60_000 }

async function world(t: Test, clock = systemClock) {
  const bench = new RedisBench(t, redis, systemClock)
  const open = async () => new TokenLock({ tokens: (await bench.open()).connections.tokens, clock })
  const key = bench.key('lock:clone:abc')
  return { open, key, owner: () => redis.client.get(key) }
}

t.test('one machine at a time, and the next one as soon as it is given back', async t => {
  const { open, owner } = await world(t)
  const [one, other] = [await open(), await open()]
  const order: string[] = []
  const [held, goOn] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  const first = one.withLock('clone:abc', options, async () => {
    order.push('first')
    held.resolve()
    await goOn.promise
    order.push('first ends')
  })
  await held.promise
  const second = other.withLock('clone:abc', options, async () => order.push('second'))
  t.match(await owner(), /^[0-9a-f-]{36}$/)
  goOn.resolve()
  await Promise.all([first, second])
  t.strictSame(order, ['first', 'first ends', 'second'])
  t.equal(await owner(), null, 'nothing is left')
})

t.test('a lock that is somebody else’s by now aborts the work, and is theirs to give back', async t => {
  const clock = new ManualClock()
  const { open, key, owner } = await world(t, clock)
  const lock = await open()
  const reason = await lock.withLock('clone:abc', options, async lost => {
    await redis.client.set(key, 'another')
    const aborted = new Promise(resolve => lost.addEventListener('abort', () => resolve(lost.reason), { once: true }))
    await clock.slept()
    clock.advance(10_000)
    return await aborted
  })
  t.match(String(reason), 'the lock clone:abc is lost')
  t.equal(await owner(), 'another')
})

t.test('it is renewed while the work takes long', async t => {
  const clock = new ManualClock()
  const { open, key } = await world(t, clock)
  const lock = await open()
  await lock.withLock('clone:abc', options, async lost => {
    await redis.client.pexpire(key, 5000)
    await clock.slept()
    clock.advance(10_000)
    await until(async () => (await redis.client.pttl(key)) > 5000 || undefined)
    t.notOk(lost.aborted)
  })
})

t.test('who has waited long enough works without it, and so does everybody without Redis', async t => {
  const { open } = await world(t)
  const [one, other] = [await open(), await open()]
  await one.withLock('clone:abc', options, async () => {
    t.equal(await other.withLock('clone:abc', { signal: never, patienceMs: 0 }, async () => 'done'), 'done')
  })
  const away = new TokenLock({
    clock: systemClock,
    tokens: {
      take: async () => {
        throw new Error('away')
      },
      giveBack: async () => undefined,
    },
  })
  t.equal(await away.withLock('clone:abc', options, async lost => !lost.aborted), true)
  await t.rejects(
    one.withLock('clone:abc', { ...options, signal: AbortSignal.abort(new Error('stop')) }, async () => 1),
    {
      message: 'stop',
    },
  )
})
