import { cpSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { Lease } from '../../src/jobs/ports.ts'
import type { RedisJobStore } from '../../src/store/redis/store.ts'
import { systemClock } from '../../src/util/clock.ts'
import { done } from '../contract/kit.ts'
import { RedisBench } from '../contract/redis-bench.ts'
import { newJob } from '../helpers/jobs.ts'
import { redisFor } from '../helpers/redis.ts'

const redis = await redisFor(t)
const scripts = join(import.meta.dirname, '../../src/store/redis/scripts')

/** The scripts of another version: each is another one to Redis, and what they write has a field that this one does not know. */
function otherVersion(t: Test): string {
  const directory = join(t.testdir({}), 'scripts')
  cpSync(scripts, directory, { recursive: true })
  for (const name of readdirSync(directory)) {
    const path = join(directory, name)
    const marks = /^(submit|claim)\.lua$/.test(name)
    const text = readFileSync(path, 'utf8')
    const marking = `redis.call('HSET', jobKey(id), 'from_another_version', '["x"]')\nchanged(id)`
    writeFileSync(
      path,
      `-- Of another version.\n${marks ? text.replace(/changed\(id\)(?!.*changed\(id\))/s, marking) : text}`,
    )
  }
  return directory
}

async function claim(store: RedisJobStore, podName: string): Promise<Lease> {
  const lease = await store.claim({ podName })
  if (!lease) throw new Error('nothing to claim')
  return lease
}

t.test(
  'pods of two versions share a Redis: jobs go through both ways, and nothing that one writes is lost',
  async t => {
    const bench = new RedisBench(t, redis, systemClock)
    const one = await bench.open()
    const other = await bench.open({ scripts: otherVersion(t) })
    for (const [first, second] of [
      [one, other],
      [other, one],
    ] as const) {
      const job = await first.submit(newJob(new Date()))
      const lease = await claim(second, 'second')
      t.equal(lease.job.id, job.id)
      await second.record(lease, { branch: 'agenticore/x' })
      await second.release(lease)
      const again = await claim(first, 'first')
      t.match(again.job, { id: job.id, fence: 2, branch: 'agenticore/x', interruptions: 1 })
      t.strictSame(await first.renew([again]), ['held'])
      t.match(await second.cancel(job.id), { status: 'running' })
      t.strictSame(await first.renew([again]), ['cancelled'])
      await first.finish(again, done)
      for (const store of [one, other]) t.match(await store.get(job.id), { status: 'cancelled', output: 'done' })
      t.equal(await redis.client.hget(bench.key(`job:${job.id}`), 'from_another_version'), '["x"]')
    }
    const dying = await bench.open({ scripts: otherVersion(t) })
    const orphan = await one.submit(newJob(new Date()))
    await claim(dying, 'dying')
    await dying.close()
    t.match(await one.reap(async () => undefined), [{ job: { id: orphan.id, status: 'queued' } }])
  },
)

t.test('a job of a newer version is left for the pods that can read it, queued or running', async t => {
  const bench = new RedisBench(t, redis, systemClock)
  const store = await bench.open()
  const jobs = []
  for (let n = 0; n < 3; n++) jobs.push(await store.submit(newJob(new Date(Date.now() + n))))
  const [held, newer, readable] = jobs.map(({ id }) => id)
  const dying = await bench.open()
  t.equal((await claim(dying, 'dying')).job.id, held)
  await dying.close()
  for (const id of [held, newer]) await redis.client.hset(bench.key(`job:${id}`), 'schema_version', '2')
  t.equal((await claim(store, 'pod')).job.id, readable)
  t.equal(await store.claim({ podName: 'pod' }), undefined)
  t.strictSame(await redis.client.lrange(bench.key('queue'), 0, -1), [newer], 'it is where it was')
  t.match(await redis.client.hgetall(bench.key(`job:${newer}`)), { status: '"queued"', fence: '0' })
  t.strictSame(await store.reap(async () => undefined), [])
  t.strictSame(bench.warnings, [])
  t.equal(
    await redis.client.hget(bench.key(`job:${held}`), '@seized'),
    null,
    'nobody takes what it cannot bring to its end',
  )
  for (const id of [held, newer]) await redis.client.hset(bench.key(`job:${id}`), 'schema_version', '1')
  t.match(await store.reap(async () => undefined), [{ job: { id: held, status: 'queued' } }])
  t.equal((await claim(store, 'pod')).job.id, held)
  t.equal((await claim(store, 'pod')).job.id, newer)
})
