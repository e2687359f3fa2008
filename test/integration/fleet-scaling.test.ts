import t, { type Test } from 'tap'
import type { Lease } from '../../src/jobs/ports.ts'
import { RedisFleet } from '../../src/store/redis/fleet.ts'
import type { RedisJobStore } from '../../src/store/redis/store.ts'
import { systemClock } from '../../src/util/clock.ts'
import { done } from '../contract/kit.ts'
import { RedisBench } from '../contract/redis-bench.ts'
import { newJob } from '../helpers/jobs.ts'
import { redisFor } from '../helpers/redis.ts'
import { until } from '../helpers/until.ts'

const redis = await redisFor(t)
const about = { version: '1', capacity: 1, startedAt: new Date().toISOString() }

/** Replicas of a StatefulSet, and which of them were woken. */
async function replicas(t: Test, ...ordinals: readonly number[]) {
  const bench = new RedisBench(t, redis, systemClock)
  const woken: number[] = []
  const pods = new Map<number, { store: RedisJobStore; fleet: RedisFleet }>()
  for (const ordinal of ordinals) {
    const boot = { id: crypto.randomUUID(), podName: `pod-${ordinal}`, ordinal }
    const store = await bench.open({ boot, woken: why => void (why === 'work' && woken.push(ordinal)) })
    pods.set(ordinal, { store, fleet: new RedisFleet(store.connections, boot) })
  }
  const pod = (ordinal: number) => {
    const found = pods.get(ordinal)
    if (!found) throw new Error(`there is no pod ${ordinal}`)
    return found
  }
  const claim = async (ordinal: number): Promise<Lease> => {
    const lease = await pod(ordinal).store.claim({ podName: `pod-${ordinal}` })
    if (!lease) throw new Error('nothing to claim')
    return lease
  }
  const floor = async (): Promise<string[]> => (await redis.client.smembers(bench.key('scale:floor'))).sort()
  const submit = () => pod(ordinals[0] ?? 0).store.submit(newJob(new Date()))
  // What was heard while they came up.
  await Promise.all(ordinals.map(ordinal => pod(ordinal).store.claim({ podName: `pod-${ordinal}` })))
  await until(() => woken.length >= ordinals.length || undefined)
  woken.length = 0
  return { bench, pod, claim, floor, submit, woken }
}

t.test('a submission wakes the lowest free pod, and no other one', async t => {
  const { submit, woken, claim, pod } = await replicas(t, 2, 0, 1)
  await submit()
  await until(() => woken.length || undefined)
  t.strictSame(woken, [0])
  const lease = await claim(0)
  await submit()
  await until(() => woken.length > 1 || undefined)
  t.strictSame(woken, [0, 1], 'the lowest of those that are free')
  await submit()
  await until(() => woken.length > 2 || undefined)
  t.strictSame(woken, [0, 1, 2], 'one that was woken is not woken again before it has looked')
  await claim(1)
  await pod(0).store.finish(lease, done)
})

t.test('23. the floor has as many members as replicas that cut off no busy pod', async t => {
  const { submit, claim, floor, pod } = await replicas(t, 0, 3, 5)
  for (let n = 0; n < 4; n++) await submit()
  t.strictSame(await floor(), [])
  const low = await claim(0)
  t.strictSame(await floor(), ['0'])
  const [high, other] = [await claim(3), await claim(3)]
  t.strictSame(await floor(), ['0', '1', '2', '3'])
  await pod(3).store.finish(high, done)
  t.strictSame(await floor(), ['0', '1', '2', '3'], 'it has another one')
  const highest = await claim(5)
  t.equal((await floor()).length, 6)
  await pod(5).fleet.beat({ ...about, draining: true })
  t.strictSame(await floor(), ['0', '1', '2', '3'], 'who drains is about to go')
  await pod(3).store.release(other)
  t.strictSame(await floor(), ['0'])
  await pod(0).store.finish(low, done)
  await pod(5).store.finish(highest, done)
  t.strictSame(await floor(), [])
})

t.test('a renewal that was put together before a claim does not make the pod less busy than it is', async t => {
  const { bench, submit, claim, floor, pod } = await replicas(t, 0, 2)
  await submit()
  await submit()
  const [early, late] = [await claim(2), await claim(2)]
  t.strictSame(await pod(2).store.renew([early]), ['held'])
  await pod(2).store.finish(early, done)
  t.strictSame(await floor(), ['0', '1', '2'], 'one still runs')
  t.equal(await redis.client.hget(bench.key('pods:busy'), late.job.bootId ?? ''), '1')
  await pod(2).store.finish(late, done)
  t.strictSame(await floor(), [])
  t.strictSame(await redis.client.keys(bench.key('pods:busy*')), [])
})

t.test('an index of several thousand has a floor, too', async t => {
  const { submit, claim, floor, pod } = await replicas(t, 0, 9000)
  await submit()
  const lease = await claim(9000)
  t.equal((await floor()).length, 9001)
  await pod(9000).store.finish(lease, done)
  t.strictSame(await floor(), [])
})

t.test(
  'a pod that dies is not busy any more when its lease is seized, and after a rebuild renewals say who is',
  async t => {
    const { bench, submit, claim, floor, pod } = await replicas(t, 0, 4)
    await submit()
    await submit()
    const [kept] = [await claim(4), await claim(0)]
    await redis.client.flushall()
    t.strictSame(await pod(4).store.renew([kept]), ['held'])
    t.equal((await floor()).length, 5)
    await pod(4).store.close()
    const { store } = pod(0)
    t.match(await store.reap(async () => undefined), [{ job: { id: kept.job.id, status: 'queued' } }])
    await store.renew([])
    t.ok((await floor()).length <= 1)
    t.equal(await redis.client.llen(bench.key('queue')), 1)
  },
)

t.test('the fleet is who has been heard of, with what each says of itself', async t => {
  const { pod } = await replicas(t, 0, 1)
  for (const ordinal of [0, 1])
    t.strictSame(await pod(ordinal).fleet.beat({ ...about, draining: false }), { drain: false })
  t.match(
    (await pod(0).fleet.pods()).sort((a, b) => a.name.localeCompare(b.name)),
    [
      { name: 'pod-0', version: '1', capacity: 1, running: 0, draining: false },
      { name: 'pod-1', draining: false },
    ],
  )
  await pod(1).fleet.beat({ ...about, draining: true })
  t.equal((await pod(0).fleet.pods()).find(({ name }) => name === 'pod-1')?.draining, true)
  await pod(1).store.close()
  t.strictSame(
    (await pod(0).fleet.pods()).map(({ name }) => name),
    ['pod-0'],
  )
})
