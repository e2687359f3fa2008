import t, { type Test } from 'tap'
import { type Job, withoutOutput } from '../../src/jobs/job.ts'
import type { Lease } from '../../src/jobs/ports.ts'
import { type ScriptName, shaOf } from '../../src/store/redis/scripts.ts'
import type { RedisJobStore } from '../../src/store/redis/store.ts'
import { systemClock } from '../../src/util/clock.ts'
import { done } from '../contract/kit.ts'
import { accepted, RedisBench } from '../contract/redis-bench.ts'
import { ManualClock } from '../helpers/clock.ts'
import { newJob } from '../helpers/jobs.ts'
import { proxyTo } from '../helpers/proxy.ts'
import { redisFor } from '../helpers/redis.ts'

const redis = await redisFor(t)

/** All that change something in the life below. */
const mutating: readonly ScriptName[] = [
  'submit',
  'claim',
  'renew',
  'record',
  'settle',
  'folded',
  'cancel',
  'expire',
  'overdue',
  'seize',
  'gone',
  'lock',
  'forget',
  'unlock',
  'rebuild',
  'restore',
  'rebuilt',
  'restored',
]

interface Life {
  readonly bench: RedisBench
  /** What callers were told, in order. */
  readonly told: readonly unknown[]
}

/** Jobs that go every way there is. */
async function live(t: Test, port: number): Promise<Life> {
  const clock = new ManualClock()
  const bench = new RedisBench(t, redis, clock)
  const url = `redis://127.0.0.1:${port}`
  const open = (id: string) => bench.open({ url, boot: { id, podName: id, ordinal: 1 } })
  const store = await open('one')
  const told: unknown[] = []
  const ids: string[] = []
  const tell = (job: Job | undefined): void => void told.push(job && plain(withoutOutput(job), ids))
  const submit = async (given: object = {}): Promise<Job> => {
    clock.advance(10)
    const job = await accepted(store, newJob(clock.now(), given))
    ids.push(job.id)
    tell(job)
    return job
  }
  const claim = async (from: RedisJobStore, podName: string): Promise<Lease> => {
    const lease = await from.claim({ podName })
    if (!lease) throw new Error('nothing to claim')
    tell(lease.job)
    return lease
  }
  const [first, , cancelled] = [await submit({ idempotencyKey: 'k' }), await submit(), await submit()]
  tell(await accepted(store, newJob(clock.now(), { idempotencyKey: 'k' })))
  await submit({ queueTtlSeconds: 1 })
  const lease = await claim(store, 'one')
  tell(await store.record(lease, { branch: 'agenticore/x', sessionId: 's' }))
  told.push(await store.renew([lease]))
  tell(await store.finish(lease, done))
  tell(await store.cancel(cancelled.id))
  clock.advance(2000)
  const again = await claim(store, 'one')
  tell(await store.release(again))
  const mine = await claim(store, 'one')
  tell(await store.cancel(mine.job.id))
  told.push(await store.renew([mine]))
  tell(await store.finish(mine, done))
  for (const { job } of await store.reap(async () => undefined)) tell(job)
  await submit({ ttlSeconds: 60 })
  const dying = await open('two')
  await claim(dying, 'two')
  await dying.close()
  for (const { job } of await store.reap(async () => undefined)) tell(job)
  const last = await claim(store, 'one')
  await redis.client.del(bench.key('epoch'))
  tell(await store.get(first.id))
  tell(await store.finish(last, done))
  clock.advance(120_000)
  for (const job of await store.sweep()) tell(job)
  await store.close()
  return { bench, told: [...told, await contents(bench, ids)] }
}

/** With numbers for what is another one each time. */
function plain(value: unknown, ids: readonly string[]): unknown {
  let text = JSON.stringify(value)
  for (const [index, id] of ids.entries()) text = text.replaceAll(id, `job-${index}`)
  return JSON.parse(text)
}

/** What is in Redis, but for what is only a moment, a token or a count of mutations. */
async function contents(bench: RedisBench, ids: readonly string[]): Promise<unknown> {
  const { client } = redis
  const found: Record<string, unknown> = {}
  for (const key of (await client.keys(bench.key('*'))).sort()) {
    const name = key.slice(bench.prefix.length + 1)
    if (/^(epoch|rev|claim:.*|lock:.*|pods:free|jobs:reversed)$/.test(name)) continue
    const type = await client.type(key)
    if (type === 'hash') {
      const { '@operation': _, ...fields } = await client.hgetall(key)
      found[name] = Object.fromEntries(Object.entries(fields).sort())
    } else if (type === 'zset') found[name] = (await client.zrange(key, '0', '-1')).sort()
    else if (type === 'list') found[name] = await client.lrange(key, 0, -1)
    else if (type === 'set') found[name] = (await client.smembers(key)).sort()
    else found[name] = await client.get(key)
  }
  return plain(found, ids)
}

t.test('4. every mutation returns the same answer when it is replayed: each reply is swallowed once', async t => {
  const proxy = await proxyTo(t, redis.port)
  const meant = await live(t, proxy.port)
  t.match(meant.told.at(-1), { 'jobs:succeeded': [/job/], 'jobs:cancelled': [/job/, /job/], 'jobs:expired': [/job/] })
  for (const name of mutating) {
    const before = proxy.swallowed
    proxy.swallow(shaOf(name))
    const { told } = await live(t, proxy.port)
    t.equal(proxy.swallowed, before + 1, `a reply to ${name} was lost`)
    t.strictSame(told, meant.told, name)
  }
})

t.test('3. submitting is idempotent: one key, fifty times, over several pods whose replies are cut', async t => {
  const bench = new RedisBench(t, redis, systemClock)
  const proxies = await Promise.all(Array.from({ length: 3 }, () => proxyTo(t, redis.port)))
  const pods = await Promise.all(proxies.map(({ port }) => bench.open({ url: `redis://127.0.0.1:${port}` })))
  const submit = async (store: RedisJobStore, n: number): Promise<string> => {
    // Whose reply it is does not matter.
    if (n % 4 === 0) proxies[n % 3]?.swallow(shaOf('submit'))
    return (await accepted(store, newJob(new Date(), { idempotencyKey: 'k' }))).id
  }
  const each = Array.from({ length: 17 }, (_, n) => pods.map((store, pod) => submit(store, 3 * n + pod)))
  const ids = await Promise.all(each.flat().slice(0, 50))
  t.equal(new Set(ids).size, 1)
  t.strictSame(await redis.client.lrange(bench.key('queue'), 0, -1), [ids[0]])
  t.equal(await redis.client.zcard(bench.key('jobs')), 1)
  t.ok(proxies.reduce((sum, { swallowed }) => sum + swallowed, 0) > 0)
})
