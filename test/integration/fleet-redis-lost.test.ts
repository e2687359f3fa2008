import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { Job, JobId } from '../../src/jobs/job.ts'
import type { Lease } from '../../src/jobs/ports.ts'
import { FileJournal } from '../../src/store/journal/journal.ts'
import type { RedisJobStore } from '../../src/store/redis/store.ts'
import { done } from '../contract/kit.ts'
import { accepted, RedisBench } from '../contract/redis-bench.ts'
import { ManualClock } from '../helpers/clock.ts'
import { newJob } from '../helpers/jobs.ts'
import { type RedisUnderTest, startRedis } from '../helpers/redis.ts'
import { until } from '../helpers/until.ts'

const leaseMs = 1500

/** A fleet in the middle of its work: one job in each state there is. */
class Fleet {
  readonly clock = new ManualClock()
  readonly bench: RedisBench
  readonly jobs: Job[] = []
  store!: RedisJobStore
  running!: Lease
  orphaned!: JobId

  constructor(t: Test, redis: RedisUnderTest) {
    this.bench = new RedisBench(t, redis, this.clock)
  }

  async open(): Promise<RedisJobStore> {
    return await this.bench.open({ leaseMs })
  }

  async submitAll(): Promise<void> {
    this.store = await this.open()
    for (let n = 0; n < 7; n++) {
      this.clock.advance(10)
      const given = { ...(n === 0 ? { idempotencyKey: 'k' } : {}), ...(n === 3 ? { queueTtlSeconds: 3600 } : {}) }
      this.jobs.push(await accepted(this.store, newJob(this.clock.now(), given)))
    }
  }

  /** Ended, cancelled, put off; running here, running in a pod that dies; two still wait. */
  async goOn(): Promise<void> {
    await this.store.finish(await this.#claim(this.store), done)
    await this.store.cancel(this.#id(1))
    const delayed = await this.#claim(this.store)
    await this.store.release(delayed, new Date(this.clock.now().getTime() + 60_000))
    this.running = await this.#claim(this.store)
    await this.store.record(this.running, { branch: 'agenticore/x' })
    const dying = await this.open()
    this.orphaned = (await this.#claim(dying)).job.id
  }

  async #claim(store: RedisJobStore): Promise<Lease> {
    const lease = await store.claim({ podName: 'pod' })
    if (!lease) throw new Error('nothing to claim')
    return lease
  }

  #id(n: number): JobId {
    const job = this.jobs[n]
    if (!job) throw new Error(`there is no job ${n}`)
    return job.id
  }

  async states(store = this.store): Promise<string[]> {
    const all = await Promise.all(this.jobs.map(({ id }) => store.get(id)))
    return all.map(job => `${job?.status} ${job?.fence}`)
  }

  /** What is promised: nothing finished runs again, what runs goes on, all else runs once, in its order. */
  async expectAllAsBefore(t: Test, store = this.store): Promise<void> {
    t.strictSame(await this.states(store), [
      'succeeded 1',
      'cancelled 0',
      'queued 1',
      'running 1',
      'running 1',
      'queued 0',
      'queued 0',
    ])
    t.equal((await store.get(this.#id(0)))?.output, 'done')
    t.match(await store.get(this.#id(3)), { branch: 'agenticore/x' })
    // Accepted when the ended ones are listed again, too.
    const again = await accepted(store, newJob(this.clock.now(), { idempotencyKey: 'k' }))
    t.equal(again.id, this.#id(0), 'the key is known')
    t.strictSame(
      (await store.list({ limit: 99 })).map(({ id }) => id),
      this.jobs.map(({ id }) => id).reverse(),
    )
    const claimed: string[] = []
    for (let lease = await store.claim({ podName: 'pod' }); lease; lease = await store.claim({ podName: 'pod' })) {
      claimed.push(lease.job.id)
      await store.finish(lease, done)
    }
    t.strictSame(claimed, [this.#id(5), this.#id(6)])
    await this.#expectOrphanTaken(t, store)
    this.clock.advance(60_000)
    t.equal((await store.claim({ podName: 'pod' }))?.job.id, this.#id(2), 'what was put off')
  }

  async #expectOrphanTaken(t: Test, store: RedisJobStore): Promise<void> {
    const lease = await until(async () => {
      if (store === this.store) await store.renew([this.running])
      await store.reap(async () => undefined)
      return await store.claim({ podName: 'pod' })
    })
    t.equal(lease.job.id, this.orphaned)
    t.equal(lease.fence, 2)
    await store.finish(lease, done)
  }

  async expectHolderGoesOn(t: Test): Promise<void> {
    t.strictSame(await this.store.renew([this.running]), ['held'])
    t.match(await this.store.finish(this.running, done), { status: 'succeeded', fence: 1, branch: 'agenticore/x' })
  }
}

let servers = 0
const root = t.testdir({})

async function server(t: Test): Promise<RedisUnderTest> {
  servers += 1
  const directory = join(root, String(servers))
  mkdirSync(directory)
  const redis = await startRedis({ directory })
  t.teardown(() => redis.stop())
  return redis
}

/** @returns what kills Redis, which then comes back with what it knows now */
async function kept(redis: RedisUnderTest): Promise<() => Promise<void>> {
  await redis.client.save()
  const [dump, copy] = [join(redis.directory, 'dump.rdb'), join(redis.directory, 'kept.rdb')]
  copyFileSync(dump, copy)
  return async () => {
    await redis.kill()
    copyFileSync(copy, dump)
    await redis.start()
  }
}

t.test('2. Redis can vanish: FLUSHALL in the middle of everything', async t => {
  const redis = await server(t)
  const fleet = new Fleet(t, redis)
  await fleet.submitAll()
  await fleet.goOn()
  await redis.client.flushall()
  await fleet.expectAllAsBefore(t)
  await fleet.expectHolderGoesOn(t)
})

t.test('2. Redis can vanish: it comes back with what it knew before anything had happened', async t => {
  const redis = await server(t)
  const fleet = new Fleet(t, redis)
  await fleet.submitAll()
  const goBack = await kept(redis)
  await fleet.goOn()
  await goBack()
  t.equal(await redis.client.llen(fleet.bench.key('queue')), 7)
  await until(async () => (await fleet.store.stats().catch(() => undefined))?.running === 2 || undefined)
  await fleet.expectAllAsBefore(t)
  await fleet.expectHolderGoesOn(t)
})

t.test('2. Redis can vanish: it comes back old, and nobody is left who knew', async t => {
  const redis = await server(t)
  const fleet = new Fleet(t, redis)
  await fleet.submitAll()
  await redis.client.save()
  await fleet.goOn()
  const extra = await accepted(fleet.store, newJob(fleet.clock.now()))
  const held = fleet.running
  // Of a pod that dies, too: nothing is said on the way out.
  await redis.kill()
  await fleet.store.close()
  await redis.start()
  const heir = await fleet.open()
  const ended = new Set<string>()
  await until(async () => {
    await heir.reap(async () => undefined)
    fleet.clock.advance(60_000)
    const lease = await heir.claim({ podName: 'heir' })
    if (lease) {
      t.notOk(ended.has(lease.job.id), 'each runs once')
      ended.add(lease.job.id)
      await heir.finish(lease, done)
    }
    return ended.size === 6 || undefined
  })
  const [first, cancelled] = fleet.jobs
  t.notOk(ended.has(first?.id ?? ''), 'what was finished does not run again')
  t.notOk(ended.has(cancelled?.id ?? ''), 'nor what was cancelled')
  t.ok(ended.has(extra.id), 'what Redis never heard of runs')
  t.ok(ended.has(held.job.id))
  t.equal((await heir.get(held.job.id))?.fence, 2)
})

/** Redis knows the attempt, and nothing of what its holder has said since. */
async function forgotten(t: Test) {
  const redis = await server(t)
  const bench = new RedisBench(t, redis)
  const store = await bench.open({ leaseMs })
  await accepted(store, newJob(new Date()))
  const lease = await store.claim({ podName: 'pod' })
  if (!lease) throw new Error('nothing to claim')
  const goBack = await kept(redis)
  await store.record(lease, { branch: 'agenticore/x', output: 'done', totalCostUsd: 2 })
  return { bench, store, lease, goBack }
}

t.test('2. what a holder has said is in the record, whatever Redis has lost of it meanwhile', async t => {
  const { store, lease, goBack } = await forgotten(t)
  await goBack()
  t.match(await store.finish(lease, { status: 'succeeded', facts: {} }), { output: 'done' })
  t.match(await store.get(lease.job.id), {
    status: 'succeeded',
    branch: 'agenticore/x',
    output: 'done',
    totalCostUsd: 2,
  })
})

t.test('2. and so it is for who takes the job over', async t => {
  const { bench, store, lease, goBack } = await forgotten(t)
  await store.close()
  await goBack()
  const heir = await bench.open({ leaseMs })
  const next = await until(async () => {
    await heir.reap(async () => undefined)
    return await heir.claim({ podName: 'heir' })
  })
  t.match(next.job, { id: lease.job.id, fence: 2, branch: 'agenticore/x', output: 'done', totalCostUsd: 2 })
})

t.test('3. a key that was used is known to pods that never saw Redis before it lost that', async t => {
  const redis = await server(t)
  const bench = new RedisBench(t, redis, new ManualClock())
  const job = () => newJob(new Date(), { idempotencyKey: 'order-1' })
  const first = await bench.open()
  await redis.client.save()
  const done1 = await accepted(first, job())
  const lease = await first.claim({ podName: 'pod' })
  if (lease) await first.finish(lease, done)
  await redis.kill()
  await first.close()
  await redis.start()
  const second = await bench.open()
  t.equal((await accepted(second, job())).id, done1.id)
  t.strictSame(
    (await second.list({ limit: 9 })).map(({ id, status }) => [id, status]),
    [[done1.id, 'succeeded']],
  )
  t.equal(await second.claim({ podName: 'pod' }), undefined)
})

t.test('10. a cancel request that was confirmed is not lost with Redis', async t => {
  const redis = await server(t)
  const fleet = new Fleet(t, redis)
  await fleet.submitAll()
  await fleet.goOn()
  const asked = await fleet.store.cancel(fleet.orphaned)
  t.ok(asked.cancelRequestedAt)
  await fleet.store.cancel(fleet.running.job.id)
  await redis.client.flushall()
  t.strictSame(await fleet.store.renew([fleet.running]), ['cancelled'])
  t.match(await fleet.store.finish(fleet.running, done), { status: 'cancelled' })
  await until(async () => {
    await fleet.store.reap(async () => undefined)
    return (await fleet.store.get(fleet.orphaned))?.status === 'cancelled' || undefined
  })
  const journal = await FileJournal.open(fleet.bench.root)
  t.match(await journal.submission(fleet.orphaned), { status: 'cancelled', cancelRequestedAt: asked.cancelRequestedAt })
})

t.test('10. nor where it was confirmed to who asked again after its end could not be written', async t => {
  const redis = await server(t)
  const bench = new RedisBench(t, redis, new ManualClock())
  const journal = await FileJournal.open(bench.root)
  const store = await bench.open({ journal })
  const { id } = await accepted(store, newJob(new Date()))
  const full = t.capture(journal, 'fold', async () => {
    throw new Error('ENOSPC')
  })
  await t.rejects(store.cancel(id), /ENOSPC/)
  await t.rejects(store.cancel(id), /ENOSPC/, 'nor is it confirmed as long as it cannot be')
  full.restore()
  t.match(await store.cancel(id), { status: 'cancelled' })
  await redis.client.flushall()
  t.equal(await store.claim({ podName: 'pod' }), undefined)
  t.match(await store.get(id), { status: 'cancelled' })
})

t.test('10. nor where its holder has given the job back in that moment', async t => {
  const redis = await server(t)
  const bench = new RedisBench(t, redis, new ManualClock())
  const journal = await FileJournal.open(bench.root)
  const store = await bench.open({ journal })
  const job = await accepted(store, newJob(new Date()))
  const lease = await store.claim({ podName: 'pod' })
  await store.cancel(job.id)
  // What a release writes before it asks Redis.
  if (lease) await journal.update({ ...lease.job, status: 'queued', interruptions: 1 })
  await redis.client.del(bench.key('epoch'))
  await until(async () => {
    await store.reap(async () => undefined)
    return (await journal.submission(job.id))?.status === 'cancelled' || undefined
  })
  t.match(await store.get(job.id), { status: 'cancelled' })
  t.equal(await store.claim({ podName: 'pod' }), undefined)
})

t.test('a record that this version cannot read is passed over, and keeps nobody from anything', async t => {
  const redis = await server(t)
  const bench = new RedisBench(t, redis, new ManualClock())
  const store = await bench.open()
  const [newer, fine] = [await accepted(store, newJob(new Date())), await accepted(store, newJob(new Date()))]
  await redis.client.hset(bench.key(`job:${newer.id}`), 'schema_version', '99')
  t.strictSame(
    (await store.list({ limit: 9 })).map(({ id }) => id),
    [fine.id],
  )
  const another = await bench.open()
  t.strictSame(
    (await another.list({ limit: 9 })).map(({ id }) => id),
    [fine.id],
  )
  t.match(bench.warnings.join('\n'), /newer agenticore/)
})

t.test('2. Redis can vanish: one pod writes while another one rebuilds', async t => {
  const redis = await server(t)
  const fleet = new Fleet(t, redis)
  await fleet.submitAll()
  await fleet.goOn()
  const journal = await FileJournal.open(fleet.bench.root)
  const [reading, goOn] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  const active = journal.active.bind(journal)
  journal.active = async () => {
    const ids = await active()
    reading.resolve()
    await goOn.promise
    return ids
  }
  const slow = await fleet.bench.open({ leaseMs, journal })
  await redis.client.flushall()
  const looking = slow.stats()
  looking.catch(() => undefined)
  await reading.promise
  const finishing = fleet.store.finish(fleet.running, done)
  const late = newJob(fleet.clock.now())
  const submitting = accepted(fleet.store, late)
  await until(async () => (await journal.readOutcome(fleet.running.job.id)) ?? undefined)
  goOn.resolve()
  t.match(await finishing, { status: 'succeeded', fence: 1 })
  t.equal((await submitting).id, late.id)
  for (const store of [fleet.store, slow]) {
    t.match(await store.get(fleet.running.job.id), { status: 'succeeded' })
    t.match(await store.get(late.id), { status: 'queued' })
  }
  t.equal(await redis.client.llen(fleet.bench.key('queue')), 3)
})

t.test('2. a long queue comes back in its order, each job at the cost of one', async t => {
  const redis = await server(t)
  const fleet = new Fleet(t, redis)
  const store = await fleet.open()
  const ids: JobId[] = []
  for (let n = 0; n < 600; n++) {
    fleet.clock.advance(1)
    ids.push((await accepted(store, newJob(fleet.clock.now()))).id)
  }
  // One of the last has been started before.
  const lease = await store.claim({ podName: 'pod', ...only(ids[590]) })
  if (lease) await store.release(lease)
  await redis.client.flushall()
  await redis.client.config('RESETSTAT')
  await until(async () => {
    // It says 600 from the journal, too, while Redis is being told.
    await store.stats()
    return (await redis.client.llen(fleet.bench.key('queue'))) === 600 || undefined
  })
  t.strictSame(await redis.client.lrange(fleet.bench.key('queue'), 0, -1), ids)
  const stats = await redis.client.info('commandstats')
  const calls = (name: string): number => Number(new RegExp(`cmdstat_${name}:calls=(\\d+)`).exec(stats)?.[1] ?? 0)
  t.ok(calls('rpush') >= 600)
  for (const name of ['lrem', 'linsert']) t.equal(calls(name), 0, name)
  t.ok(calls('lrange') < 5, 'nobody looks through the list')
})

const only = (id: JobId | undefined): { only?: JobId } => (id === undefined ? {} : { only: id })

t.test('a submission that is sent again while its job ends leaves nothing that says it goes on', async t => {
  const journal = await FileJournal.open(t.testdir())
  const job = newJob(new Date())
  await journal.create(job)
  t.strictSame(await journal.active(), [job.id])
  await journal.fold({ ...job, status: 'cancelled', endedAt: new Date().toISOString() })
  t.equal(await journal.create(job), false)
  t.strictSame(await journal.active(), [])
})

const lostBy = {
  'all of it': (redis: RedisUnderTest) => redis.client.flushall(),
  'that job alone': (redis: RedisUnderTest, bench: RedisBench, id: JobId) => redis.client.del(bench.key(`job:${id}`)),
}

for (const [what, lose] of Object.entries(lostBy)) {
  t.test(
    `a pod dies between the record of an end and what follows, and Redis loses ${what}: it follows all the same`,
    async t => {
      const redis = await server(t)
      const bench = new RedisBench(t, redis, new ManualClock())
      const journal = await FileJournal.open(bench.root)
      const told: string[] = []
      const ended = async ({ id }: Job): Promise<void> => void told.push(id)
      const first = await bench.open({ journal, ended })
      const job = await accepted(first, newJob(new Date()))
      const fold = t.capture(journal, 'fold', async () => {
        throw new Error('it dies here')
      })
      await t.rejects(first.cancel(job.id), /it dies here/)
      fold.restore()
      await journal.fold({ ...job, status: 'cancelled', endedAt: new Date().toISOString() })
      writeFileSync(join(bench.root, 'active', job.id), '')
      await lose(redis, bench, job.id)
      const store = await bench.open({ ended })
      await until(async () => {
        await store.reap(async () => undefined)
        return told.length > 0 || undefined
      })
      t.strictSame(told, [job.id])
      t.strictSame(await journal.active(), [])
      t.match(await store.get(job.id), { status: 'cancelled' })
    },
  )
}
