import { AgenticoreError } from '../../jobs/errors.ts'
import { isFinal, type Job, type JobId } from '../../jobs/job.ts'
import type { Journal, Lease, Reaped } from '../../jobs/ports.ts'
import { abandoned, cancelRequested, expired, isOverdue, overruled } from '../../jobs/states.ts'
import type { Clock } from '../../util/clock.ts'
import { messageOf } from '../../util/error-code.ts'
import type { Holder } from './holders.ts'
import type { Markers } from './markers.ts'
import type { StorePoint } from './points.ts'

/** What is in `verdict/{id}` of a job that is ending by its outcome; anything else is the time of a cancel request. */
const byOutcome = 'outcome'

export interface EndingsParts {
  readonly journal: Journal
  readonly queue: Markers
  readonly verdicts: Markers
  readonly clock: Clock
  reached(point: StorePoint): void
  warn(message: string): void
  ended?(job: Job): Promise<void>
}

/** Who is told of attempts that are taken back. */
export interface Inheriting {
  end(lease: Lease): Promise<void>
  about(reaped: Reaped): Promise<void>
}

/**
 * How a job leaves the process that has it: back into the queue, or to its end. An outcome and a cancel request can come
 * at the same moment; `verdict/{id}` is created once, by the first of them, and the other one obeys. Each method can be
 * cut off anywhere, and be repeated by an heir.
 */
export class Endings {
  readonly #parts: EndingsParts

  constructor(parts: EndingsParts) {
    this.#parts = parts
  }

  /** With the cancel request that stands beside the record. */
  async marked(job: Job): Promise<Job> {
    if (isFinal(job)) return job
    const verdict = await this.#parts.verdicts.read(job.id)
    return verdict === undefined || verdict === byOutcome ? job : { ...job, cancelRequestedAt: verdict }
  }

  /** @returns when the cancel request that counts was made; undefined when the job is ending by its outcome */
  async requestCancel(id: JobId): Promise<string | undefined> {
    const verdict = await this.#parts.verdicts.decide(id, this.#parts.clock.now().toISOString())
    this.#parts.reached('cancel: marked')
    return verdict === byOutcome ? undefined : verdict
  }

  /** True for a queued job that is not to start any more. */
  isOver(job: Job): boolean {
    if (job.status !== 'queued') return false
    return job.cancelRequestedAt !== undefined || isOverdue(job, this.#parts.clock.now())
  }

  over(job: Job): Job {
    const now = this.#parts.clock.now()
    return job.cancelRequestedAt === undefined ? expired(job, now) : cancelRequested(job, now)
  }

  /** Back into the queue, unless the job has ended or is to be cancelled. */
  async giveBack(job: Job, holder: Holder): Promise<Job> {
    const { journal, queue, reached } = this.#parts
    if (isFinal(job)) return await this.fold(job, holder)
    if (job.cancelRequestedAt !== undefined) return await this.fold(this.over(job), holder)
    // Before the first attempt there is nothing to record: the submission says it all.
    if (job.fence > 0) await journal.update(job)
    reached('release: recorded')
    await holder.markers.moveTo(queue, job.id)
    reached('release: requeued')
    return job
  }

  /** An outcome that is on disk becomes the job's end, unless a cancel request came first. */
  async conclude(outcome: Job, holder: Holder): Promise<Job> {
    const verdict = await this.#parts.verdicts.decide(outcome.id, byOutcome)
    this.#parts.reached('finish: decided')
    return await this.fold(verdict === byOutcome ? outcome : overruled(outcome, verdict), holder)
  }

  /** The end of a job whose outcome has been decided by its holder, who may be gone. */
  async complete(job: Job): Promise<Job> {
    const outcome = await this.#parts.journal.readOutcome(job.id)
    if (outcome) await this.#parts.journal.fold(outcome)
    return outcome ?? job
  }

  async fold(job: Job, holder: Holder): Promise<Job> {
    await this.#parts.journal.fold(job)
    this.#parts.reached('finish: folded')
    // Who cannot be told now is told by an heir, who needs the marker for that.
    if (!(await this.#announce(job))) return job
    this.#parts.reached('finish: announced')
    // The marker last: while it is there, an heir clears up what is left.
    await this.#parts.verdicts.drop(job.id)
    await holder.markers.drop(job.id)
    return job
  }

  /** False when it could not be done; that is no failure of the job, which has ended. */
  async #announce(job: Job): Promise<boolean> {
    try {
      await this.#parts.ended?.(job)
      return true
    } catch (error) {
      this.#parts.warn(`That job ${job.id} has ended could not be passed on: ${messageOf(error)}`)
      return false
    }
  }

  /**
   * What becomes of a job whose holder is gone; undefined when it was no longer there.
   * @param told as `JobStore.reap` has it
   */
  async inherit(id: JobId, dead: Holder, { end, about }: Inheriting): Promise<Reaped | undefined> {
    const { journal, clock, reached } = this.#parts
    const job = await this.#asLeft(id, dead)
    // The end was written down, and perhaps not all that follows.
    if (job && isFinal(job)) return void (await this.fold(job, dead))
    // Else: a submission that was never completed, or a second marker of a job that somebody else is running.
    if (!job || (job.status === 'running' && job.bootId !== dead.boot)) return void (await dead.markers.drop(id))
    const lease = { job, fence: job.fence }
    if (job.status === 'queued') return { lease, job: await this.giveBack(await this.marked(job), dead) }
    await end(lease)
    reached('reap: ended')
    const outcome = await readable(() => journal.readOutcome(id))
    if (outcome) return { lease, job: await this.conclude(outcome, dead) }
    const next = abandoned(await this.marked(job), clock.now())
    await about({ lease, job: next })
    return { lease, job: await this.giveBack(next, dead) }
  }

  /** When an attempt's record cannot be read, what was submitted and the attempt's number say enough to end it. */
  async #asLeft(id: JobId, dead: Holder): Promise<Job | undefined> {
    const { journal } = this.#parts
    const job = await readable(() => journal.read(id))
    if (job) return job
    const submitted = await journal.submission(id)
    const fence = await journal.highestFence(id)
    return submitted && fence > 0
      ? { ...submitted, status: 'running', attempt: 1, bootId: dead.boot, fence }
      : submitted
  }
}

/** Undefined, too, for what is damaged. */
async function readable<T>(read: () => Promise<T | undefined>): Promise<T | undefined> {
  try {
    return await read()
  } catch (error) {
    if (error instanceof AgenticoreError && error.code === 'corrupt_record') return undefined
    throw error
  }
}
