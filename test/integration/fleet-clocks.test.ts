import t, { type Test } from 'tap'
import type { Lease } from '../../src/jobs/ports.ts'
import type { RedisJobStore } from '../../src/store/redis/store.ts'
import { type Clock, systemClock } from '../../src/util/clock.ts'
import { done } from '../contract/kit.ts'
import { RedisBench } from '../contract/redis-bench.ts'
import { newJob } from '../helpers/jobs.ts'
import { redisFor } from '../helpers/redis.ts'
import { until } from '../helpers/until.ts'

const redis = await redisFor(t)
const hourMs = 3_600_000
const skews = [
  ['ahead', hourMs],
  ['behind', -hourMs],
] as const

const offBy = (ms: number): Clock => ({ ...systemClock, now: () => new Date(Date.now() + ms) })

async function twoPods(t: Test, skewMs: number) {
  const bench = new RedisBench(t, redis)
  return { bench, right: await bench.open(), wrong: await bench.open({ waits: offBy(skewMs) }) }
}

async function claim(store: RedisJobStore): Promise<Lease> {
  const lease = await store.claim({ podName: 'pod' })
  if (!lease) throw new Error('nothing to claim')
  return lease
}

const soon = ({ clock }: RedisJobStore, ms: number): Date => new Date(clock.now().getTime() + ms)
const submit = async (store: RedisJobStore, given = {}) => await store.submit(newJob(store.clock.now(), given))
const isNow = (text: string | undefined): boolean => Math.abs(Date.now() - Date.parse(text ?? '')) < 5000

for (const [way, skewMs] of skews) {
  t.test(`a pod whose clock is an hour ${way} takes nothing from others before its time`, async t => {
    const { right, wrong } = await twoPods(t, skewMs)
    for (let n = 0; n < 3; n++) await submit(right, { ttlSeconds: 1800 })
    const running = await claim(right)
    const delayed = await right.release(await claim(right), soon(right, 1_800_000))
    const ended = await right.finish(await claim(right), done)
    const waiting = await submit(right, { queueTtlSeconds: 1800 })

    t.strictSame(await wrong.reap(async () => undefined), [])
    t.strictSame(await wrong.sweep(), [])
    t.match(await wrong.stats(), { ready: 1, delayed: 1, running: 1 })
    for (const job of [running.job, delayed, ended, waiting]) t.match(await wrong.get(job.id), { status: job.status })
    const lease = await claim(wrong)
    t.equal(lease.job.id, waiting.id)
    t.equal(await wrong.claim({ podName: 'wrong' }), undefined, 'what waits for its time goes on waiting')
    t.strictSame(await right.renew([running]), ['held'])
    t.match(await wrong.finish(lease, done), { status: 'succeeded' })
  })

  t.test(`a pod whose clock is an hour ${way} sees what is due`, async t => {
    const { right, wrong } = await twoPods(t, skewMs)
    const overdue = await submit(right, { queueTtlSeconds: 1 })
    const delayed = await submit(right, { ttlSeconds: 1 })
    await right.release(
      (await right.claim({ podName: 'pod', only: delayed.id })) ?? (await claim(right)),
      soon(right, 500),
    )
    const lease = await until(async () => await wrong.claim({ podName: 'wrong', only: delayed.id }))
    await until(async () => (await wrong.reap(async () => undefined)).length || undefined)
    t.match(await right.get(overdue.id), { status: 'expired' })
    await wrong.finish(lease, done)
    await until(async () => (await wrong.sweep()).length || undefined)
    t.equal(await right.get(delayed.id), undefined)
  })

  t.test(`what a pod whose clock is an hour ${way} writes down is right`, async t => {
    const { bench, right, wrong } = await twoPods(t, skewMs)
    t.ok(isNow((await submit(wrong)).createdAt))
    const lease = await claim(wrong)
    t.ok(isNow(lease.job.startedAt))
    t.match(await wrong.release(lease, soon(wrong, 400)), { status: 'queued' })
    t.equal(await right.claim({ podName: 'right' }), undefined)
    t.equal((await until(async () => await right.claim({ podName: 'right' }))).fence, 2)
    const second = await submit(wrong, { queueTtlSeconds: 1800, ttlSeconds: 1800 })
    t.ok(isNow((await wrong.finish(await claim(wrong), done)).endedAt))
    const third = await submit(wrong, { queueTtlSeconds: 1800 })
    // And so it is after a rebuild from that.
    await redis.client.del(bench.key('epoch'))
    t.strictSame(await right.reap(async () => undefined), [])
    t.strictSame(await right.sweep(), [])
    t.match(await right.get(second.id), { status: 'succeeded' })
    t.match(await right.get(third.id), { status: 'queued' })
  })
}
