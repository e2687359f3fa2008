import type { Test } from 'tap'
import { finalStatuses } from '../../src/jobs/job.ts'
import { ManualClock } from '../helpers/clock.ts'
import { jobId, newJob } from '../helpers/jobs.ts'
import { until } from '../helpers/until.ts'
import { holdRules } from './hold-rules.ts'
import { broken, done, Kit, type OpenStore, type Rule } from './kit.ts'
import { listingRules } from './listing-rules.ts'
import { watchRules } from './watch-rules.ts'

/** What every JobStore promises. A store is put to it by one line in a file of its own: `jobStoreContract('file', open)`. */
export function jobStoreContract(t: Test, name: string, open: OpenStore): void {
  const rule = ruleOf(t, name, open)

  rule('a submitted job is there, queued, for everybody', async (t, kit) => {
    const job = await kit.submit()
    t.strictSame(await kit.store.get(job.id), { ...job, queuePosition: 1 })
    t.strictSame(await kit.other.get(job.id), { ...job, queuePosition: 1 })
  })

  rule('an unknown id is undefined', async (t, kit) => {
    t.equal(await kit.store.get(jobId(kit.clock.now())), undefined)
  })

  rule('submitting the same job again changes nothing, at any point of its life', async (t, kit) => {
    const job = await kit.submit()
    await kit.store.submit(job)
    const lease = await kit.claim()
    await kit.store.submit(job)
    t.equal((await kit.store.get(job.id))?.status, 'running')
    await kit.store.finish(lease, done)
    await kit.store.submit(job)
    t.equal((await kit.store.get(job.id))?.status, 'succeeded')
    t.equal(await kit.store.claim({ podName: 'b' }), undefined)
  })

  rule('jobs are claimed in the order of submission, each once', async (t, kit) => {
    const jobs = [await kit.submit(), await kit.submit(), await kit.submit()]
    const claimed = [await kit.claim(), await kit.claim(), await kit.claim()].map(lease => lease.job.id)
    t.strictSame(
      claimed,
      jobs.map(job => job.id),
    )
    t.equal(await kit.store.claim({ podName: 'b' }), undefined)
  })

  rule('a claim says who holds the job and raises the fence', async (t, kit) => {
    const job = await kit.submit()
    kit.clock.advance(1000)
    const lease = await kit.claim('pod-7')
    t.equal(lease.fence, 1)
    t.match(lease.job, { status: 'running', podName: 'pod-7', fence: 1, attempt: 1 })
    t.equal(lease.job.startedAt, kit.clock.now().toISOString())
    t.strictSame(await kit.other.get(job.id), lease.job)
  })

  rule('5. of many claims at once each job goes to one', async (t, kit) => {
    const jobs = await Promise.all(Array.from({ length: 10 }, () => kit.submit()))
    const claims = Array.from({ length: 40 }, (_, n) => (n % 2 ? kit.store : kit.other).claim({ podName: `pod-${n}` }))
    const ids = (await Promise.all(claims)).flatMap(lease => (lease ? [lease.job.id] : []))
    t.strictSame(ids.sort(), jobs.map(job => job.id).sort())
  })

  rule('a claim for one job takes that job or none', async (t, kit) => {
    const first = await kit.submit()
    const second = await kit.submit()
    t.equal((await kit.store.claim({ podName: 'a', only: second.id }))?.job.id, second.id)
    t.equal(await kit.store.claim({ podName: 'a', only: second.id }), undefined)
    t.equal((await kit.claim()).job.id, first.id)
  })

  rule('the position in the queue counts from the next to run', async (t, kit) => {
    const jobs = [await kit.submit(), await kit.submit(), await kit.submit()]
    await kit.claim()
    const positions = await Promise.all(jobs.map(async job => (await kit.store.get(job.id))?.queuePosition))
    t.strictSame(positions, [undefined, 1, 2])
  })

  rule('what the holder records is there for everybody', async (t, kit) => {
    const job = await kit.submit()
    const lease = await kit.claim()
    await kit.store.record(lease, { sessionId: 's-1', pid: 77 })
    await kit.store.record(lease, { branch: 'agenticore/x' })
    t.match(await kit.other.get(job.id), { sessionId: 's-1', pid: 77, branch: 'agenticore/x', status: 'running' })
  })

  for (const outcome of [done, broken]) {
    rule(`a job that is finished as ${outcome.status} stays so, with its facts`, async (t, kit) => {
      const job = await kit.submit()
      const lease = await kit.claim()
      await kit.store.record(lease, { pid: 77 })
      kit.clock.advance(5000)
      const ended = await kit.store.finish(lease, outcome)
      t.match(ended, { ...outcome.facts, status: outcome.status, endedAt: kit.clock.now().toISOString() })
      t.equal(ended.pid, undefined)
      t.strictSame(await kit.other.get(job.id), ended)
      await kit.refused(t, () => kit.store.finish(lease, done))
      await kit.refused(t, () => kit.store.record(lease, { pid: 1 }))
      await kit.refused(t, () => kit.store.release(lease))
      t.strictSame(await kit.store.cancel(job.id), ended)
      t.strictSame(await kit.other.get(job.id), ended)
    })
  }

  rule('12. a released job is at the head of the queue again, its attempt unspent', async (t, kit) => {
    const first = await kit.submit()
    await kit.submit()
    const released = await kit.store.release(await kit.claim())
    t.match(released, { status: 'queued', attempt: 0, interruptions: 1, podName: '' })
    const again = await kit.claim('pod-b')
    t.equal(again.job.id, first.id)
    t.match(again.job, { fence: 2, attempt: 1, interruptions: 1, podName: 'pod-b' })
  })

  rule('a job released until later is not claimed before', async (t, kit) => {
    const first = await kit.submit()
    const second = await kit.submit()
    await kit.store.release(await kit.claim(), new Date(kit.clock.now().getTime() + 60_000))
    t.equal((await kit.claim()).job.id, second.id)
    t.equal(await kit.store.claim({ podName: 'a' }), undefined)
    kit.clock.advance(60_000)
    t.equal((await kit.claim()).job.id, first.id)
  })

  rule('7. a late writer is refused and changes nothing', async (t, kit) => {
    const job = await kit.submit()
    const late = await kit.claim('late')
    await kit.store.release(late)
    const current = await kit.claim('current')
    for (const write of [
      () => kit.other.record(late, { sessionId: 'late' }),
      () => kit.other.finish(late, broken),
      () => kit.other.release(late),
    ]) {
      await kit.refused(t, write)
      t.strictSame(await kit.store.get(job.id), current.job)
    }
    t.equal((await kit.store.finish(current, done)).status, 'succeeded')
  })

  rule('cancelling a queued job ends it at once; nobody claims it', async (t, kit) => {
    const job = await kit.submit()
    const cancelled = await kit.other.cancel(job.id)
    t.match(cancelled, { status: 'cancelled', endedAt: kit.clock.now().toISOString(), fence: 0 })
    t.strictSame(await kit.store.get(job.id), cancelled)
    t.equal(await kit.store.claim({ podName: 'a' }), undefined)
  })

  rule('cancelling a running job marks it, and the mark wins over any outcome', async (t, kit) => {
    for (const outcome of [done, broken]) {
      const job = await kit.submit()
      const lease = await kit.claim()
      t.match(await kit.other.cancel(job.id), { status: 'running', cancelRequestedAt: kit.clock.now().toISOString() })
      t.match(await kit.store.get(job.id), { status: 'running', cancelRequestedAt: kit.clock.now().toISOString() })
      const ended = await kit.store.finish(lease, outcome)
      t.match(ended, { status: 'cancelled', totalCostUsd: outcome.facts.totalCostUsd })
      t.equal(ended.errorCode, undefined)
    }
  })

  rule('a cancelled job that is released ends cancelled', async (t, kit) => {
    const job = await kit.submit()
    const lease = await kit.claim()
    await kit.other.cancel(job.id)
    t.equal((await kit.store.release(lease)).status, 'cancelled')
    t.equal(await kit.store.claim({ podName: 'a' }), undefined)
  })

  rule('cancelling twice keeps the first moment', async (t, kit) => {
    const job = await kit.submit()
    await kit.claim()
    const first = (await kit.store.cancel(job.id)).cancelRequestedAt
    kit.clock.advance(1000)
    t.equal((await kit.store.cancel(job.id)).cancelRequestedAt, first)
  })

  rule('cancelling an unknown job says so', async (t, kit) => {
    await t.rejects(kit.store.cancel(jobId(kit.clock.now())), { code: 'job_not_found' })
  })

  rule('jobs are listed newest first, by state, without output, as many as asked for', async (t, kit) => {
    const jobs = [await kit.submit(), await kit.submit(), await kit.submit(), await kit.submit()]
    await kit.store.finish(await kit.claim(), done)
    await kit.store.finish(await kit.claim(), broken)
    const ids = jobs.map(job => job.id).reverse()
    const listed = await kit.other.list({ limit: 10 })
    t.strictSame(
      listed.map(job => job.id),
      ids,
    )
    t.equal(
      listed.find(job => job.output !== undefined),
      undefined,
    )
    t.strictSame(
      (await kit.store.list({ limit: 2 })).map(job => job.id),
      ids.slice(0, 2),
    )
    const queued = await kit.store.list({ limit: 10, status: 'queued' })
    t.strictSame(
      queued.map(job => job.id),
      ids.slice(0, 2),
    )
    for (const status of finalStatuses) {
      const found = await kit.store.list({ limit: 10, status })
      t.strictSame(
        found.map(job => job.status),
        ['succeeded', 'failed'].includes(status) ? [status] : [],
      )
    }
  })

  rule('the holder hears of a cancel request when it renews', async (t, kit) => {
    const job = await kit.submit()
    const lease = await kit.claim()
    t.strictSame(await kit.store.renew([lease]), ['held'])
    const another = await kit.submit()
    const second = await kit.claim()
    await kit.other.cancel(job.id)
    t.strictSame(await kit.store.renew([second, lease]), ['held', 'cancelled'])
    await kit.store.finish(lease, done)
    t.strictSame(await kit.store.renew([lease, second]), ['lost', 'held'])
    t.strictSame(await kit.other.renew([second]), ['lost'], 'by somebody else')
    t.equal(another.id, second.job.id)
  })

  rule('10. a cancel request that was confirmed wins, however close the end is', async (t, kit) => {
    for (let n = 0; n < 20; n++) {
      const job = await kit.submit()
      const lease = await kit.claim()
      const [ended, reply] = await Promise.all([
        n % 2 ? kit.store.finish(lease, done) : kit.store.release(lease),
        kit.other.cancel(job.id),
      ])
      const now = await kit.other.get(job.id)
      const confirmed = reply.status === 'cancelled' || reply.cancelRequestedAt !== undefined
      t.equal(now?.status, confirmed ? 'cancelled' : 'succeeded', `${ended.status}, told ${reply.status}`)
      t.equal(await kit.store.claim({ podName: 'a' }), undefined)
    }
  })

  rule('a job is started within its time in the queue, or it expires', async (t, kit) => {
    const late = await kit.submit({ queueTtlSeconds: 60 })
    const swept = await kit.submit({ queueTtlSeconds: 60 })
    kit.clock.advance(59_000)
    const started = await kit.submit({ queueTtlSeconds: 60 })
    t.equal((await kit.store.claim({ podName: 'a', only: started.id }))?.job.id, started.id)
    kit.clock.advance(1000)
    t.equal(await kit.store.claim({ podName: 'a', only: late.id }), undefined)
    t.match(await kit.other.get(late.id), { status: 'expired', endedAt: kit.clock.now().toISOString(), fence: 0 })
    t.strictSame(await kit.reap(kit.store), [[swept.id, 'expired']])
    t.match(await kit.other.get(swept.id), { status: 'expired' })
    t.equal((await kit.store.list({ limit: 5, status: 'running' })).length, 1)
  })

  rule('a job that has started once does not expire', async (t, kit) => {
    const job = await kit.submit({ queueTtlSeconds: 60 })
    await kit.store.release(await kit.claim())
    kit.clock.advance(120_000)
    t.strictSame(await kit.reap(kit.other), [])
    t.equal((await kit.claim()).job.id, job.id)
  })

  rule('what a dead holder had is queued again, after its processes were ended', async (t, kit) => {
    const dying = await kit.open()
    const job = await kit.submit()
    const lease = await dying.claim({ podName: 'dying' })
    await dying.record(kit.given(lease), { pid: 77, sessionId: 's' })
    const alive = await kit.submit()
    await kit.claim('alive')
    t.strictSame(await kit.reap(kit.other), [], 'both are alive')
    await dying.close()
    const order: string[] = []
    const reaped = await kit.other.reap(async ({ job, fence }) => {
      order.push(`${job.id}/${fence}: ${(await kit.store.get(job.id))?.status}`)
    })
    t.strictSame(order, [`${job.id}/1: running`])
    t.strictSame(
      reaped.map(each => [each.lease.fence, each.job.status]),
      [[1, 'queued']],
    )
    t.match(await kit.store.get(job.id), {
      status: 'queued',
      attempt: 0,
      interruptions: 1,
      podName: '',
      sessionId: 's',
    })
    t.equal((await kit.store.get(job.id))?.pid, undefined)
    t.equal((await kit.store.get(alive.id))?.status, 'running')
    t.strictSame(await kit.reap(kit.store), [], 'once')
    t.match((await kit.claim()).job, { id: job.id, fence: 2, attempt: 1 })
  })

  rule('of many reapers one takes each job back', async (t, kit) => {
    const dying = await kit.open()
    for (let n = 0; n < 5; n++) await kit.submit()
    for (let n = 0; n < 5; n++) await dying.claim({ podName: 'dying' })
    await dying.close()
    const reaped = await Promise.all([kit.store, kit.other, kit.store, kit.other].map(store => kit.reap(store)))
    t.equal(reaped.flat().length, 5)
    for (const job of await kit.store.list({ limit: 5 })) t.match(job, { status: 'queued', interruptions: 1 })
  })

  rule('a holder that is gone is refused', async (t, kit) => {
    const dying = await kit.open()
    const job = await kit.submit()
    const lease = kit.given(await dying.claim({ podName: 'dying' }))
    await dying.close()
    for (const write of [() => dying.record(lease, { pid: 1 }), () => dying.finish(lease, done)]) {
      await kit.refused(t, write)
    }
    await kit.reap(kit.store)
    await kit.refused(t, () => dying.release(lease))
    t.strictSame(await dying.renew([lease]), ['lost'])
    t.match(await kit.store.get(job.id), { status: 'queued' })
  })

  rule('11. a job that takes its holder down three times in a row fails, and others go on', async (t, kit) => {
    const job = await kit.submit()
    for (const end of ['die', 'die', 'release', 'die', 'die', 'die']) {
      const holder = await kit.open()
      const lease = kit.given(await holder.claim({ podName: 'p' }))
      t.equal(lease.job.id, job.id)
      if (end === 'release') await holder.release(lease)
      await holder.close()
      await kit.reap(kit.store)
    }
    t.match(await kit.store.get(job.id), { status: 'failed', errorCode: 'poison', error: /3 times/, fence: 6 })
    const next = await kit.submit()
    t.equal((await kit.claim()).job.id, next.id)
  })

  rule('a job whose holder died ends cancelled when that was asked for', async (t, kit) => {
    const dying = await kit.open()
    const job = await kit.submit()
    await dying.claim({ podName: 'dying' })
    await kit.store.cancel(job.id)
    await dying.close()
    t.strictSame(await kit.reap(kit.store), [[job.id, 'cancelled']])
    t.match(await kit.store.get(job.id), { status: 'cancelled', cancelRequestedAt: kit.clock.now().toISOString() })
  })

  rule('3. a key stands for one job, however often and from wherever it is submitted', async (t, kit) => {
    const now = kit.clock.now()
    const jobs = Array.from({ length: 20 }, () => newJob(now, { idempotencyKey: 'k-1' }))
    const kept = await Promise.all(jobs.map((job, n) => (n % 2 ? kit.store : kit.other).submit(job)))
    t.equal(new Set(kept.map(job => job.id)).size, 1)
    t.equal((await kit.store.list({ limit: 50 })).length, 1)
    const lease = await kit.claim()
    t.equal((await kit.other.submit(newJob(now, { idempotencyKey: 'k-1' }))).status, 'running')
    await kit.store.finish(lease, { ...done, facts: { ...done.facts, modelUsed: 'm' } })
    const replayed = await kit.other.submit(newJob(now, { idempotencyKey: 'k-1' }))
    t.match(replayed, { id: lease.job.id, status: 'succeeded' })
    const watched = await kit.other.submit(newJob(now, { idempotencyKey: 'k-1', mode: 'sync' }))
    t.equal(watched.id, lease.job.id, 'whoever waits for it')
    t.equal(await kit.store.claim({ podName: 'a' }), undefined)
    t.not((await kit.submit({ idempotencyKey: 'k-2' })).id, lease.job.id)
  })

  rule('what was left to the server is no part of a request: one with other defaults keeps the job', async (t, kit) => {
    const under = async (profile: string, ttlSeconds: number) =>
      await kit.submit({ idempotencyKey: 'k-1', profile, ttlSeconds, defaulted: ['profile', 'ttlSeconds'] })
    const job = await under('coding', 60)
    t.match(await under('review', 3600), { id: job.id, profile: 'coding', ttlSeconds: 60 })
    const asked = kit.submit({ idempotencyKey: 'k-1', profile: 'review', ttlSeconds: 60, defaulted: ['ttlSeconds'] })
    await t.rejects(asked, { code: 'idempotency_conflict' })
  })

  rule('another request under a used key is refused', async (t, kit) => {
    const job = await kit.submit({ idempotencyKey: 'k-1' })
    const other = newJob(kit.clock.now(), { idempotencyKey: 'k-1', task: 'something else' })
    await t.rejects(kit.other.submit(other), { code: 'idempotency_conflict', message: job.id })
    t.equal(await kit.store.get(other.id), undefined)
    t.equal((await kit.store.list({ limit: 5 })).length, 1)
  })

  rule('16. while the model is busy nobody starts a job from the queue, and then they go on', async (t, kit) => {
    const [first, second] = [await kit.submit(), await kit.submit()]
    const soon = (ms: number): Date => new Date(kit.clock.now().getTime() + ms)
    await kit.store.calm(soon(400))
    await kit.other.calm(soon(200))
    t.equal(await kit.store.claim({ podName: 'a' }), undefined)
    t.equal(await kit.other.claim({ podName: 'b' }), undefined)
    t.equal((await kit.other.claim({ podName: 'b', only: second.id }))?.job.id, second.id, 'one that is asked for')
    const lease = await until(async () => {
      kit.clock.advance(20)
      return await kit.store.claim({ podName: 'a' })
    })
    t.equal(lease.job.id, first.id)
  })

  rule('no more jobs wait than may, and what is kept already takes no room', async (t, kit) => {
    const limit = { queueLimit: 2 }
    const one = await kit.store.submit(newJob(kit.clock.now(), { idempotencyKey: 'k-1' }), limit)
    await kit.other.submit(newJob(kit.clock.now()), limit)
    const full = { code: 'queue_full', message: '2 jobs wait, and no more than 2 may' }
    await t.rejects(kit.store.submit(newJob(kit.clock.now()), limit), full)
    await t.rejects(kit.other.submit(newJob(kit.clock.now(), { idempotencyKey: 'k-2' }), limit), full)
    const again = await kit.other.submit(newJob(kit.clock.now(), { idempotencyKey: 'k-1' }), limit)
    t.equal(again.id, one.id)
    t.equal((await kit.store.submit(one, limit)).id, one.id)
    await kit.claim()
    t.match(await kit.other.submit(newJob(kit.clock.now(), { idempotencyKey: 'k-2' }), limit), { status: 'queued' })
  })

  rule('what is overdue takes no room, before anybody has ended it', async (t, kit) => {
    const limit = { queueLimit: 2 }
    const submit = async (given = {}) => await kit.store.submit(newJob(kit.clock.now(), given), limit)
    const [short, long] = [await submit({ queueTtlSeconds: 5 }), await submit({ queueTtlSeconds: 60 })]
    await t.rejects(submit(), { code: 'queue_full' })
    kit.clock.advance(5000)
    t.match(await submit(), { status: 'queued' })
    await t.rejects(submit(), { code: 'queue_full', message: '2 jobs wait' })
    t.match(await kit.other.get(short.id), { status: 'expired' })
    // Who has begun has no such time any more.
    await kit.store.release(await kit.claim())
    kit.clock.advance(60_000)
    await t.rejects(submit(), { code: 'queue_full' })
    t.match(await kit.store.get(long.id), { status: 'queued' })
  })

  rule('a job is forgotten when it has been over for its time, and its key is free again', async (t, kit) => {
    const request = { idempotencyKey: 'k-1', ttlSeconds: 3600 }
    const job = await kit.submit(request)
    const waiting = await kit.submit({ ttlSeconds: 1 })
    const lease = await kit.claim()
    kit.clock.advance(3_600_000)
    await kit.store.finish(lease, done)
    kit.clock.advance(3_599_999)
    t.strictSame(await kit.store.sweep(), [])
    kit.clock.advance(1)
    t.strictSame(
      (await kit.other.sweep()).map(each => each.id),
      [job.id],
    )
    t.equal(await kit.store.get(job.id), undefined)
    t.strictSame(await kit.store.find(job.id), [])
    t.strictSame(
      (await kit.store.list({ limit: 5 })).map(each => each.id),
      [waiting.id],
    )
    t.not((await kit.submit(request)).id, job.id)
  })

  rule('jobs are found by the beginning or the end of their id', async (t, kit) => {
    const [job, other] = [await kit.submit(), await kit.submit()]
    t.strictSame(await kit.store.find(job.id.slice(-12)), [job.id])
    t.strictSame((await kit.store.find(job.id.slice(0, 4))).sort(), [job.id, other.id].sort())
    t.strictSame(await kit.store.find('zzzz'), [])
  })

  listingRules(rule)
  watchRules(rule)
}

/** What a store promises besides that keeps jobs for those who submit them: one of a single machine. */
export const holdingContract = (t: Test, name: string, open: OpenStore): void => holdRules(ruleOf(t, name, open))

const ruleOf =
  (t: Test, name: string, open: OpenStore): Rule =>
  (title, body) => {
    t.test(`${name}: ${title}`, async t => {
      const clock = new ManualClock()
      await body(t, new Kit(clock, await open(t, clock)))
    })
  }
