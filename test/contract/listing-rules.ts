import type { Job } from '../../src/jobs/job.ts'
import { jobId, newJob } from '../helpers/jobs.ts'
import { broken, done, type Rule } from './kit.ts'

const ids = (jobs: readonly Job[]): string[] => jobs.map(job => job.id)

/** What is promised of pages of jobs and of figures about them. */
export function listingRules(rule: Rule): void {
  rule('pages begin after the job they are told, and meet', async (t, kit) => {
    const jobs: Job[] = []
    for (let n = 0; n < 5; n++) jobs.unshift(await kit.submit())
    const [newest, second, third, fourth, oldest] = jobs
    if (!newest || !second || !fourth || !oldest) throw new Error('too few')
    t.strictSame(ids(await kit.store.list({ limit: 2 })), ids(jobs.slice(0, 2)))
    t.strictSame(ids(await kit.other.list({ limit: 2, before: second.id })), ids(jobs.slice(2, 4)))
    t.strictSame(ids(await kit.store.list({ limit: 2, before: fourth.id })), [oldest.id])
    t.strictSame(await kit.store.list({ limit: 2, before: oldest.id }), [])
    t.strictSame(await kit.store.list({ limit: 0 }), [])
    kit.clock.advance(10)
    t.strictSame(
      ids(await kit.store.list({ limit: 9, before: jobId(kit.clock.now()) })),
      ids(jobs),
      'of no job we know',
    )
    await kit.store.cancel(newest.id)
    await kit.store.cancel(fourth.id)
    const cancelled = { limit: 9, status: 'cancelled' } as const
    t.strictSame(ids(await kit.store.list(cancelled)), [newest.id, fourth.id])
    t.strictSame(ids(await kit.store.list({ ...cancelled, before: newest.id })), [fourth.id])
    t.strictSame(ids(await kit.store.list({ limit: 1, status: 'queued', before: second.id })), [third?.id])
  })

  rule('a page says the places in the queue', async (t, kit) => {
    for (let n = 0; n < 4; n++) await kit.submit()
    await kit.claim()
    const page = await kit.store.list({ limit: 3 })
    t.strictSame(
      page.map(job => job.queuePosition),
      [3, 2, 1],
    )
    t.strictSame(
      (await kit.store.list({ limit: 9, status: 'running' })).map(job => job.queuePosition),
      [undefined],
    )
  })

  rule('the jobs of one conversation are found, whatever state they are in', async (t, kit) => {
    const ended = await kit.submit()
    await kit.store.finish(await kit.claim(), { ...done, facts: { ...done.facts, sessionId: 's-1' } })
    await kit.submit()
    await kit.store.finish(await kit.claim(), { ...broken, facts: { sessionId: 's-2' } })
    const running = await kit.submit()
    await kit.store.record(await kit.claim(), { sessionId: 's-1' })
    kit.clock.advance(10)
    const waiting = await kit.store.submit({ ...newJob(kit.clock.now()), sessionId: 's-1' })
    for (const store of [kit.store, kit.other, kit.store]) {
      t.strictSame(ids(await store.list({ limit: 9, session: 's-1' })), [waiting.id, running.id, ended.id])
    }
    t.strictSame(ids(await kit.store.list({ limit: 1, session: 's-1', before: waiting.id })), [running.id])
    t.strictSame(ids(await kit.store.list({ limit: 9, session: 's-1', status: 'succeeded' })), [ended.id])
    t.strictSame(await kit.store.list({ limit: 9, session: 's-3' }), [])
  })

  rule('what is asked of the ended is right again and again, also when some are forgotten', async (t, kit) => {
    const [first, second] = [await kit.submit({ ttlSeconds: 60 }), await kit.submit({ ttlSeconds: 3600 })]
    const succeeded = { limit: 5, status: 'succeeded' } as const
    const seen: string[][] = []
    const look = async (): Promise<void> => void seen.push(ids(await kit.store.list(succeeded)))
    for (const _ of [first, second]) {
      await look()
      await kit.store.finish(await kit.claim(), done)
      await look()
    }
    kit.clock.advance(60_000)
    await kit.store.sweep()
    await look()
    t.strictSame(seen, [[], [first.id], [first.id], [second.id, first.id], [second.id]])
  })

  rule('statistics say how many wait, run, and since when', async (t, kit) => {
    const none = { ready: 0, delayed: 0, running: 0 }
    t.strictSame(await kit.store.stats(), none)
    const first = await kit.submit()
    const second = await kit.submit()
    const both = { ready: 2, delayed: 0, running: 0, oldestReadyAt: first.createdAt }
    t.strictSame(await kit.store.stats(), both)
    t.strictSame(await kit.other.stats(), both)
    const lease = await kit.claim()
    const one = { ready: 1, delayed: 0, running: 1, oldestReadyAt: second.createdAt }
    t.strictSame(await kit.store.stats(), one)
    await kit.store.release(lease, new Date(kit.clock.now().getTime() + 60_000))
    for (const store of [kit.store, kit.other, await kit.open()]) {
      t.strictSame(await store.stats(), { ...one, delayed: 1, running: 0 }, 'what waits for its time is not next')
    }
    kit.clock.advance(60_000)
    for (const store of [kit.store, kit.other]) t.strictSame(await store.stats(), both, 'its time has come')
    await kit.store.release(await kit.claim(), new Date(kit.clock.now().getTime() + 60_000))
    await kit.store.finish(await kit.claim(), done)
    t.strictSame(await kit.store.stats(), { ready: 0, delayed: 1, running: 0 }, 'no head')
    await kit.store.cancel(first.id)
    t.strictSame(await kit.store.stats(), none)
  })
}
