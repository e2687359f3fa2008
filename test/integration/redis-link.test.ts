import t, { type Test } from 'tap'
import { type LinkOptions, RedisLink } from '../../src/store/redis/link.ts'
import { Seen } from '../../src/store/redis/seen.ts'
import { Snapshot } from '../../src/store/redis/snapshot.ts'
import { systemClock } from '../../src/util/clock.ts'
import { ManualClock } from '../helpers/clock.ts'
import { proxyTo } from '../helpers/proxy.ts'
import { redisFor } from '../helpers/redis.ts'
import { until } from '../helpers/until.ts'

const redis = await redisFor(t)

async function linked(t: Test, options: Partial<LinkOptions> = {}) {
  const proxy = await proxyTo(t, redis.port)
  const warnings: string[] = []
  const link = new RedisLink({
    url: `redis://127.0.0.1:${proxy.port}`,
    name: 'link',
    clock: systemClock,
    random: () => 0.5,
    warn: message => warnings.push(message),
    replyMs: 100,
    ...options,
  })
  t.teardown(() => link.close())
  return { link, proxy, warnings, ready: () => until(() => link.isUp || undefined) }
}

t.test('a connection that carries nothing any more is replaced by whoever asks over it', async t => {
  const { link, proxy, warnings, ready } = await linked(t)
  await ready()
  proxy.hang()
  t.equal(await link.call(['PING'], 10_000), 'PONG')
  t.match(warnings, [/does not answer: Command timed out/, /answers again/])
  t.ok(link.isUp)
})

t.test('who only listens finds out, too, and hears again', async t => {
  const clock = new ManualClock()
  const greet: LinkOptions['greet'] = async client => void (await client.subscribe('news'))
  const { link, proxy, ready } = await linked(t, { clock, greet })
  const heard: string[] = []
  link.client.on('message', (_, message: string) => heard.push(message))
  await ready()
  await until(async () => (await redis.client.publish('news', 'before')) || undefined)
  await until(() => heard.includes('before') || undefined)
  proxy.hang()
  clock.advance(10_000)
  await until(async () => {
    await redis.client.publish('news', 'after')
    return heard.includes('after') || undefined
  })
  t.ok(link.isUp)
})

t.test('who listens goes on when the connection breaks while it is asked for again', async t => {
  const greet: LinkOptions['greet'] = async client => void (await client.subscribe('others'))
  const { proxy, ready } = await linked(t, { greet })
  await ready()
  proxy.swallow('subscribe')
  proxy.reset()
  await until(() => proxy.swallowed > 0 || undefined)
  await until(async () => (await redis.client.publish('others', 'after')) || undefined)
  await ready()
})

t.test('a greeting that fails is done again on another connection; until then the link is not up', async t => {
  let greetings = 0
  const [greeted, goOn] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  const { link, warnings } = await linked(t, {
    async greet() {
      greetings += 1
      if (greetings === 1) throw new Error('no reply')
      greeted.resolve()
      await goOn.promise
    },
  })
  await greeted.promise
  t.notOk(link.isUp)
  goOn.resolve()
  t.equal(await link.call(['PING'], 10_000), 'PONG')
  t.equal(greetings, 2)
  t.match(warnings, [/does not answer: no reply/, /answers again/])
})

t.test('that Redis is another one is not forgotten when it cannot be said', async t => {
  const seen = new Seen()
  seen.note('epoch', 7)
  seen.runId = 'before'
  await redis.client.mset('snapshot:epoch', 'epoch', 'snapshot:rev', '7')
  const snapshot = new Snapshot({ prefix: 'snapshot', clock: systemClock, seen })
  await redis.client.call('ACL', 'SETUSER', 'default', '-eval')
  await t.rejects(snapshot.greet(redis.client), /NOPERM/)
  await redis.client.call('ACL', 'SETUSER', 'default', '+eval')
  await snapshot.greet(redis.client)
  t.equal(await redis.client.get('snapshot:epoch'), null, 'it is not trusted')
})
