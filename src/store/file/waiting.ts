import { AgenticoreError } from '../../jobs/errors.ts'
import type { Job, JobId } from '../../jobs/job.ts'
import type { Journal, Lease, Reaped } from '../../jobs/ports.ts'
import { abandoned, claimed } from '../../jobs/states.ts'
import { allDone } from '../../util/all-done.ts'
import type { Clock } from '../../util/clock.ts'
import type { Endings } from './endings.ts'
import type { Holder, Holders } from './holders.ts'
import type { Markers } from './markers.ts'
import type { StorePoint } from './points.ts'

export interface WaitingParts {
  readonly journal: Journal
  readonly clock: Clock
  readonly queue: Markers
  readonly holders: Holders
  /** Jobs that this process has had since they were submitted, and not begun. */
  readonly held: Set<JobId>
  readonly endings: Endings
  /** This process, as one that holds jobs. */
  self(): Promise<Holder>
  reached(point: StorePoint): void
}

/**
 * How a job leaves the queue: it is taken, which only one can do, and then looked at. What is in the queue need not
 * wait: a submission that was repeated leaves a second marker, a claim that failed puts back what it had begun.
 */
export class Waiting {
  readonly #parts: WaitingParts
  /** What this process is taking: within one process a rename would succeed twice. */
  readonly #taking = new Set<JobId>()
  /** What could not be put back when it was to be: nobody else looks among what a process has that lives. */
  readonly #stuck = new Set<JobId>()

  constructor(parts: WaitingParts) {
    this.#parts = parts
  }

  /** Begins an attempt; undefined when somebody was faster, or there is nothing to start after all. */
  async begin(id: JobId, podName: string): Promise<Lease | undefined> {
    return await this.#take(id, async self => await this.#begin(id, podName, self))
  }

  /** The same with a job that this process has had since it was submitted. */
  async beginHeld(id: JobId, podName: string): Promise<Lease | undefined> {
    return await this.#alone(id, async self => {
      if (!this.#parts.held.delete(id)) return undefined
      return await this.#orBack(id, self, () => this.#begin(id, podName, self))
    })
  }

  /** What could not be put back is tried again. */
  async putBack(): Promise<void> {
    for (const id of this.#stuck) {
      const { markers } = await this.#parts.self()
      if ((await markers.moveTo(this.#parts.queue, id)) || !(await markers.has(id))) this.#stuck.delete(id)
    }
  }

  /** What was held and not begun is anybody's. */
  async giveUpHeld(): Promise<void> {
    const { held, queue } = this.#parts
    await allDone(
      [...held].map(async id => {
        await this.end(id)
        await this.#alone(id, async self => {
          if (held.delete(id)) await self.markers.moveTo(queue, id)
          return undefined
        })
      }),
    )
  }

  async #begin(id: JobId, podName: string, self: Holder): Promise<Lease | undefined> {
    const { endings, holders, reached } = this.#parts
    reached('claim: taken')
    // An attempt whose directory was made and never its record has used up a fence.
    for (let least = 1; ; ) {
      const job = await this.#read(id)
      if (job.status !== 'queued') return void (await this.#settle(job, self))
      if (endings.isOver(job)) return void (await endings.fold(endings.over(job), self))
      const fence = Math.max(job.fence + 1, least)
      const lease = await this.#open(job, { fence, podName, self })
      if (lease) return lease
      if (await holders.hold(id, self)) return await this.#yield(id, self)
      least = fence + 1
    }
  }

  /**
   * The attempt that follows the record that was read; undefined when it is there. Who asked which fence is free, and
   * took the next one, could begin a second attempt beside one that began since.
   */
  async #open(job: Job, { fence, podName, self }: { fence: number; podName: string; self: Holder }) {
    const running = claimed(job, { fence, podName, bootId: self.boot, at: this.#parts.clock.now() })
    return (await this.#parts.journal.begin(running)) ? { job: running, fence } : undefined
  }

  /** There were two markers, and the other one's attempt is about to begin, or its heir's to take back: both look again. */
  async #yield(id: JobId, self: Holder): Promise<undefined> {
    await self.markers.moveTo(this.#parts.queue, id)
    return undefined
  }

  /** Ends a job that waits and is not to start any more; undefined when it is not so, or somebody was faster. */
  async end(id: JobId): Promise<Reaped | undefined> {
    if (this.#parts.held.has(id)) return await this.#endHeld(id)
    const { queue, endings, reached } = this.#parts
    return await this.#take(id, async self => {
      reached('cancel: taken')
      const job = await this.#read(id)
      const lease = { job, fence: job.fence }
      if (job.status !== 'queued') {
        const settled = await this.#settle(job, self)
        return settled && { lease, job: settled }
      }
      if (endings.isOver(job)) return { lease, job: await endings.fold(endings.over(job), self) }
      // Somebody has started it since it was looked at, and given it back.
      await self.markers.moveTo(queue, id)
      return undefined
    })
  }

  async #endHeld(id: JobId): Promise<Reaped | undefined> {
    const { held, endings } = this.#parts
    return await this.#alone(id, async self => {
      const job = await this.#read(id)
      if (!endings.isOver(job) || !held.has(id)) return undefined
      const ended = await endings.fold(endings.over(job), self)
      held.delete(id)
      return { lease: { job, fence: job.fence }, job: ended }
    })
  }

  /** Drops a marker that has no job. */
  async tidy(id: JobId): Promise<void> {
    const { journal, queue } = this.#parts
    await this.#take(id, async self => {
      // Looked at when the marker is away: who makes the record now sees that, and puts it back.
      if (await journal.read(id)) await self.markers.moveTo(queue, id)
      else await self.markers.drop(id)
      return undefined
    })
  }

  /**
   * Does something with a job of the queue that nobody else then has; undefined when somebody was faster. What goes wrong
   * leaves it in the queue.
   */
  async #take<T>(id: JobId, work: (self: Holder) => Promise<T | undefined>): Promise<T | undefined> {
    const { queue } = this.#parts
    return await this.#alone(id, async self => {
      // A second marker of a job that this process runs: one place cannot hold two.
      if ((await self.markers.has(id)) || !(await queue.moveTo(self.markers, id))) return undefined
      return await this.#orBack(id, self, () => work(self))
    })
  }

  async #alone<T>(id: JobId, work: (self: Holder) => Promise<T | undefined>): Promise<T | undefined> {
    if (this.#taking.has(id)) return undefined
    this.#taking.add(id)
    try {
      return await work(await this.#parts.self())
    } finally {
      this.#taking.delete(id)
    }
  }

  async #orBack<T>(id: JobId, self: Holder, work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (error) {
      const isBack = await self.markers.moveTo(this.#parts.queue, id).catch(() => false)
      if (!isBack) this.#stuck.add(id)
      throw error
    }
  }

  /**
   * Of a job that was taken and does not wait: the marker is one too many, or all that is left of a claim that failed.
   * @returns what became of the job, if anything did
   */
  async #settle(job: Job, self: Holder): Promise<Job | undefined> {
    if (await this.#isStranded(job, self)) {
      return await this.#parts.endings.giveBack(abandoned(job, this.#parts.clock.now()), self)
    }
    await self.markers.drop(job.id)
    return undefined
  }

  /** An attempt that has begun, and that nobody has. */
  async #isStranded(job: Job, self: Holder): Promise<boolean> {
    const { holders, journal } = this.#parts
    if (job.status !== 'running' || (await holders.hold(job.id, self))) return false
    // Whoever had it may have let go of it before that was asked.
    const now = await journal.read(job.id)
    return now?.status === 'running' && now.fence === job.fence
  }

  /** With the cancel request that stands beside it. */
  async #read(id: JobId): Promise<Job> {
    const { journal, endings } = this.#parts
    const job = await journal.read(id)
    if (!job) throw new AgenticoreError('job_not_found', `There is no job "${id}".`)
    return await endings.marked(job)
  }
}
