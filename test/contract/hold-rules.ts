import { newJob } from '../helpers/jobs.ts'
import { done, type Kit, type Rule } from './kit.ts'

const hold = { hold: true } as const

function heldJob(kit: Kit, given: Parameters<Kit['submit']>[0] = {}) {
  kit.clock.advance(10)
  return newJob(kit.clock.now(), given)
}

/** What is promised of jobs that are submitted to be begun by their submitter. */
export function holdRules(rule: Rule): void {
  rule('a held job is begun by its submitter alone', async (t, kit) => {
    const job = heldJob(kit)
    t.strictSame(await kit.store.submit(job, hold), job)
    for (const store of [kit.store, kit.other]) {
      t.equal(await store.claim({ podName: 'b' }), undefined)
      t.match(await store.get(job.id), { status: 'queued', fence: 0 })
      t.match(await store.list({ limit: 5, status: 'queued' }), [{ id: job.id }])
      t.strictSame(await store.list({ limit: 5, status: 'running' }), [])
    }
    t.equal(await kit.other.claim({ podName: 'b', only: job.id }), undefined)
    t.strictSame(await kit.store.stats(), { ready: 1, delayed: 0, running: 0, oldestReadyAt: job.createdAt })
    t.strictSame(await kit.reap(kit.other), [])
    const lease = kit.given(await kit.store.claim({ podName: 'a', only: job.id }))
    t.match(await kit.other.get(job.id), { status: 'running', fence: 1, attempt: 1, podName: 'a' })
    t.strictSame(await kit.store.stats(), { ready: 0, delayed: 0, running: 1 })
    t.equal(await kit.store.claim({ podName: 'a', only: job.id }), undefined, 'once')
    await kit.store.submit(job, hold)
    t.match(await kit.store.finish(lease, done), { status: 'succeeded' })
  })

  rule('of many claims of a held job one begins it', async (t, kit) => {
    const job = await kit.store.submit(heldJob(kit), hold)
    const claims = Array.from({ length: 10 }, (_, n) =>
      (n % 2 ? kit.store : kit.other).claim({ podName: 'a', only: job.id }),
    )
    t.equal((await Promise.all(claims)).filter(lease => lease !== undefined).length, 1)
    t.match(await kit.store.get(job.id), { status: 'running', fence: 1 })
  })

  rule('a held job that was begun and given back is anybody’s', async (t, kit) => {
    const job = await kit.store.submit(heldJob(kit), hold)
    await kit.store.release(kit.given(await kit.store.claim({ podName: 'a', only: job.id })))
    t.match((await kit.other.claim({ podName: 'b' }))?.job, { id: job.id, fence: 2, interruptions: 1 })
  })

  rule('a held job that is cancelled by its submitter has ended', async (t, kit) => {
    const job = await kit.store.submit(heldJob(kit), hold)
    t.match(await kit.store.cancel(job.id), { status: 'cancelled', fence: 0 })
    t.match(await kit.other.get(job.id), { status: 'cancelled' })
    t.equal(await kit.store.claim({ podName: 'a', only: job.id }), undefined)
    t.strictSame(await kit.store.stats(), { ready: 0, delayed: 0, running: 0 })
  })

  rule('a held job that is cancelled by somebody else is not begun any more', async (t, kit) => {
    const job = await kit.store.submit(heldJob(kit), hold)
    const reply = await kit.other.cancel(job.id)
    t.ok(reply.status === 'cancelled' || reply.cancelRequestedAt !== undefined)
    t.equal(await kit.store.claim({ podName: 'a', only: job.id }), undefined)
    t.match(await kit.other.get(job.id), { status: 'cancelled', fence: 0 })
    const seen = await kit.store.submit(heldJob(kit), hold)
    await kit.other.cancel(seen.id)
    t.match(await kit.store.get(seen.id), { status: 'cancelled' }, 'or its submitter sees it')
  })

  rule('a held job that is not begun within its time expires', async (t, kit) => {
    const job = await kit.store.submit(heldJob(kit, { queueTtlSeconds: 60 }), hold)
    kit.clock.advance(60_000)
    t.equal(await kit.store.claim({ podName: 'a', only: job.id }), undefined)
    t.match(await kit.other.get(job.id), { status: 'expired', fence: 0 })
  })

  rule('who closes gives what it held and has not begun to the queue', async (t, kit) => {
    const closing = await kit.open()
    const [held, cancelled, begun] = [heldJob(kit), heldJob(kit), heldJob(kit)]
    for (const job of [held, cancelled, begun]) await closing.submit(job, hold)
    await closing.claim({ podName: 'closing', only: begun.id })
    await kit.other.cancel(cancelled.id)
    await closing.close()
    t.match(await kit.store.get(held.id), { status: 'queued', queuePosition: 1 })
    t.match(await kit.store.get(cancelled.id), { status: 'cancelled' })
    t.match(await kit.store.get(begun.id), { status: 'running' })
    t.match((await kit.claim()).job, { id: held.id, fence: 1 })
    t.equal(await kit.other.claim({ podName: 'b' }), undefined)
    t.strictSame(await kit.reap(kit.store), [[begun.id, 'queued']])
  })

  rule('under a key that was used, the job of that time is returned, and not held', async (t, kit) => {
    const job = await kit.submit({ idempotencyKey: 'k' })
    t.equal((await kit.other.submit(heldJob(kit, { idempotencyKey: 'k' }), hold)).id, job.id)
    t.match(await kit.store.get(job.id), { status: 'queued', queuePosition: 1 })
    t.equal((await kit.claim()).job.id, job.id)
    const held = await kit.store.submit(heldJob(kit, { idempotencyKey: 'l' }), hold)
    t.equal((await kit.other.submit(heldJob(kit, { idempotencyKey: 'l' }))).id, held.id)
    t.equal(await kit.other.claim({ podName: 'b' }), undefined)
    t.equal((await kit.store.claim({ podName: 'a', only: held.id }))?.job.id, held.id)
  })
}
