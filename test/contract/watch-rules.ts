import type { Job } from '../../src/jobs/job.ts'
import { newJob } from '../helpers/jobs.ts'
import { until } from '../helpers/until.ts'
import { done, type Kit, type Rule } from './kit.ts'

/** Reads the changes that a store tells, one after the other, or as they come. */
class Watcher {
  readonly seen: Job[] = []
  readonly #controller: AbortController
  readonly #changes: AsyncIterator<Job>

  private constructor(changes: AsyncIterator<Job>, controller: AbortController) {
    this.#changes = changes
    this.#controller = controller
  }

  static async of(store: Kit['store']): Promise<Watcher> {
    const controller = new AbortController()
    const changes = await store.watch(controller.signal)
    return new Watcher(changes[Symbol.asyncIterator](), controller)
  }

  async next(): Promise<Job | undefined> {
    const { value, done } = await this.#changes.next()
    if (done) return undefined
    this.seen.push(value)
    return value
  }

  /** The next one that is like this, while time goes by. */
  async until(kit: Kit, isIt: (job: Job) => boolean): Promise<Job> {
    let found: Job | undefined
    const looking = (async () => {
      do found = await this.next()
      while (found && !isIt(found))
    })()
    await until(() => {
      kit.clock.advance(1000)
      return found && isIt(found) ? found : undefined
    })
    await looking
    if (!found) throw new Error('It ended')
    return found
  }

  stop(): void {
    this.#controller.abort()
  }
}

/** What is promised of those who watch what happens to jobs. */
export function watchRules(rule: Rule): void {
  rule('who watches sees each step of a job at once, without its output', async (t, kit) => {
    const watcher = await Watcher.of(kit.store)
    const job = await kit.submit()
    t.match(await watcher.next(), { id: job.id, status: 'queued' }, 'from the call on, not from the first look')
    const lease = await kit.claim()
    t.match(await watcher.next(), { status: 'running', fence: 1 })
    await kit.store.record(lease, { sessionId: 's' })
    t.match(await watcher.next(), { status: 'running', sessionId: 's' })
    await kit.store.release(lease)
    t.match(await watcher.next(), { status: 'queued', interruptions: 1 })
    const again = await kit.claim()
    t.match(await watcher.next(), { status: 'running', fence: 2 })
    await kit.store.cancel(job.id)
    t.match(await watcher.next(), { status: 'running', cancelRequestedAt: kit.clock.now().toISOString() })
    await kit.store.finish(again, done)
    t.match(await watcher.next(), { status: 'cancelled', totalCostUsd: 0.25 })
    t.equal(
      watcher.seen.find(each => each.output !== undefined),
      undefined,
    )
    const last = watcher.next()
    watcher.stop()
    t.equal(await last, undefined)
    t.equal(await watcher.next(), undefined)
  })

  rule('who watches slowly sees each job as it is now, and none go back', async (t, kit) => {
    const watcher = await Watcher.of(kit.store)
    const jobs = [await kit.submit(), await kit.submit(), await kit.submit()]
    await watcher.next()
    for (const _ of jobs) {
      const lease = await kit.claim()
      for (let n = 0; n < 10; n++) await kit.store.record(lease, { sessionId: `s-${n}` })
      await kit.store.finish(lease, done)
    }
    const ended = new Set<string>()
    while (ended.size < jobs.length) {
      const job = await watcher.next()
      if (!job) throw new Error('It ended')
      t.notOk(ended.has(job.id), 'the end is told once, and last')
      if (job.status === 'succeeded') ended.add(job.id)
    }
    t.ok(watcher.seen.length <= 6, `${watcher.seen.length} changes told`)
    watcher.stop()
  })

  rule('who watches sees what other processes do', async (t, kit) => {
    const watcher = await Watcher.of(kit.store)
    await kit.submit()
    await watcher.next()
    const { job } = kit.given(await kit.other.claim({ podName: 'b' }))
    const is = (check: Partial<Job>) => (each: Job) =>
      each.id === job.id && Object.entries(check).every(([name, value]) => Reflect.get(each, name) === value)
    const lease = { job, fence: 1 }
    await watcher.until(kit, is({ status: 'running', fence: 1 }))
    await kit.other.record(lease, { sessionId: 's' })
    await watcher.until(kit, is({ sessionId: 's' }))
    await kit.other.release(lease)
    await watcher.until(kit, is({ status: 'queued', interruptions: 1 }))
    await kit.other.release(kit.given(await kit.other.claim({ podName: 'b' })))
    await watcher.until(kit, is({ status: 'queued', interruptions: 2 }))
    const again = kit.given(await kit.other.claim({ podName: 'b' }))
    await kit.other.cancel(job.id)
    await watcher.until(kit, each => is({ status: 'running' })(each) && each.cancelRequestedAt !== undefined)
    await kit.other.finish(again, done)
    t.match(await watcher.until(kit, is({ status: 'cancelled' })), { output: undefined })
    const ended = watcher.seen.length
    kit.clock.advance(10)
    const next = await kit.other.submit(newJob(kit.clock.now()))
    await watcher.until(kit, each => each.id === next.id)
    t.equal(watcher.seen.slice(ended).filter(each => each.id === job.id).length, 0, 'once')
    watcher.stop()
  })

  rule('who stops watching, or never began, hears the end', async (t, kit) => {
    const stopped = await Watcher.of(kit.store)
    stopped.stop()
    t.equal(await stopped.next(), undefined)
    await kit.submit()
    t.equal(await stopped.next(), undefined)
    const one = await Watcher.of(kit.store)
    await kit.submit()
    t.ok(await one.next())
    const signal = AbortSignal.abort()
    for await (const job of await kit.store.watch(signal)) t.fail(job.id)
  })
}
