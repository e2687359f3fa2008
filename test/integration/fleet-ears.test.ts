import t from 'tap'
import type { RedisJobStore } from '../../src/store/redis/store.ts'
import { systemClock } from '../../src/util/clock.ts'
import { RedisBench } from '../contract/redis-bench.ts'
import { newJob } from '../helpers/jobs.ts'
import { proxyTo } from '../helpers/proxy.ts'
import { redisFor } from '../helpers/redis.ts'
import { until } from '../helpers/until.ts'

const redis = await redisFor(t)

const submit = (store: RedisJobStore) => store.submit(newJob(new Date()))
/** How many connections hear of every change. */
const followers = async (bench: RedisBench): Promise<unknown> =>
  (await redis.client.pubsub('NUMSUB', bench.key('changes'))).at(1)

t.test('what happens to all jobs is heard only while somebody here wants to know', async t => {
  const bench = new RedisBench(t, redis, systemClock)
  const heard: string[] = []
  const store = await bench.open({ changed: id => void heard.push(id) })
  const other = await bench.open()
  const follows = async (count: number) => await until(async () => (await followers(bench)) === count || undefined)
  t.equal(await followers(bench), 0)
  await submit(other)

  const [one, two] = await Promise.all([store.connections.follow(), store.connections.follow()])
  t.equal(await followers(bench), 1, 'from when it resolves')
  const first = await submit(other)
  await until(() => heard.length === 1 || undefined)
  one()
  const second = await submit(other)
  await until(() => heard.length === 2 || undefined)
  two()
  await follows(0)
  t.strictSame(heard, [first.id, second.id])

  const stop = new AbortController()
  const jobs = (await store.watch(stop.signal))[Symbol.asyncIterator]()
  const third = await submit(other)
  t.match(await jobs.next(), { value: { id: third.id } })
  stop.abort()
  await follows(0)
})

t.test('who runs a job hears at once that it is to be cancelled, though nobody follows', async t => {
  const bench = new RedisBench(t, redis, systemClock)
  const cancelled: string[] = []
  const store = await bench.open({ cancelled: id => void cancelled.push(id) })
  const other = await bench.open({ cancelled: id => void t.fail(id) })
  const { id } = await submit(other)
  await store.claim({ podName: 'pod' })
  await other.cancel(id)
  await other.cancel(id)
  await until(() => cancelled.length || undefined)
  t.strictSame(cancelled, [id])
})

t.test('a connection that is made again hears what it heard before, and what was missed is told', async t => {
  const bench = new RedisBench(t, redis, systemClock)
  const proxy = await proxyTo(t, redis.port)
  const store = await bench.open({ url: `redis://127.0.0.1:${proxy.port}` })
  const other = await bench.open()
  const stop = new AbortController()
  const jobs = (await store.watch(stop.signal))[Symbol.asyncIterator]()
  proxy.cut()
  const missed = await submit(other)
  proxy.mend()
  t.match(await jobs.next(), { value: { id: missed.id } })
  await until(async () => (await followers(bench)) === 1 || undefined)
  const next = await submit(other)
  t.match(await jobs.next(), { value: { id: next.id } })
  stop.abort()
})

t.test('where Redis refuses to let a follower hear, it is asked again until it does', async t => {
  const bench = new RedisBench(t, redis, systemClock)
  const heard: string[] = []
  const rights = ['on', '>secret', '~*', '+@all', 'resetchannels', `&${bench.prefix}:wake:*`]
  await redis.client.call('ACL', 'SETUSER', 'deaf', 'reset', ...rights)
  const store = await bench.open({
    url: redis.url.replace('//', '//deaf:secret@'),
    changed: id => void heard.push(id),
  })
  await store.connections.follow()
  t.equal(await followers(bench), 0)
  await redis.client.call('ACL', 'SETUSER', 'deaf', `&${bench.prefix}:*`)
  await until(async () => (await followers(bench)) === 1 || undefined)
  const { id } = await submit(store)
  await until(() => heard.length || undefined)
  t.strictSame(heard, [id])
})
