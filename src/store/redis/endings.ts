import { isFinal, type Job, type JobId } from '../../jobs/job.ts'
import type { Journal } from '../../jobs/ports.ts'
import type { Clock } from '../../util/clock.ts'
import { messageOf } from '../../util/error-code.ts'
import { joinedNext } from '../../util/joined.ts'
import { nowMs, nowText } from './redis-clock.ts'
import { worded } from './replies.ts'
import type { Scripts } from './scripts.ts'

export interface EndingsParts {
  readonly scripts: Scripts
  readonly journal: Journal
  readonly clock: Clock
  warn(message: string): void
  ended?(job: Job): Promise<void>
}

/**
 * What follows the end of a job: it is written into the journal, and everybody is told. Redis keeps a list of those that
 * have ended and have not come so far; whoever ended one sees to it, and any other pod when that one is gone.
 */
export class Endings {
  readonly #parts: EndingsParts
  /** Of each its id, and when it may be forgotten; Redis has not heard of them yet. */
  readonly #folded: (string | number)[] = []
  /** Those that end while one call is under way share the next. */
  readonly #tell = joinedNext(async () => void (await this.#parts.scripts.run('folded', ...this.#folded.splice(0))))
  #told: Promise<void> = Promise.resolve()

  constructor(parts: EndingsParts) {
    this.#parts = parts
  }

  /** @param job with all of its output */
  async fold(job: Job): Promise<Job> {
    const { journal, ended, warn } = this.#parts
    await journal.fold(job)
    try {
      await ended?.(job)
    } catch (error) {
      // It is on the list, and told again.
      warn(`That job ${job.id} has ended could not be passed on: ${messageOf(error)}`)
      return job
    }
    this.#folded.push(job.id, forgottenAtMs(job))
    // Nobody waits for it: what stays on the list is seen to once more.
    this.#told = this.#tell('').catch(() => undefined)
    return job
  }

  /** Resolves when Redis has heard of all that are folded, or will not hear of them from here. */
  async settled(): Promise<void> {
    await this.#told
  }

  /**
   * Ends a waiting job that is not to start any more.
   * @returns the job as it is then, and whether it has ended by this; no job when there is none
   */
  async expire(scripts: Scripts, id: JobId): Promise<{ readonly job: Job | undefined; readonly isNew: boolean }> {
    const { clock } = this.#parts
    const { word, job } = worded(await scripts.run('expire', id, nowMs(clock), nowText(clock), crypto.randomUUID()))
    const isNew = word === 'ended'
    return { job: job && isNew ? await this.fold(job) : job, isNew }
  }

  /** As `complete`, for one that the journal still has as going on. */
  async ensure(id: JobId): Promise<void> {
    const recorded = await this.#parts.journal.submission(id)
    if (recorded && !isFinal(recorded)) await this.complete(id)
  }

  /** What follows the end of a job that somebody else has ended. */
  async complete(id: JobId): Promise<Job | undefined> {
    const { journal, scripts } = this.#parts
    const { job } = worded(await scripts.run('read', id))
    if (!job || !isFinal(job)) return undefined
    const recorded = await journal.submission(id)
    if (recorded && isFinal(recorded)) return await this.fold(recorded)
    // The journal may never have heard of it.
    if (!recorded) await journal.create(job)
    const outcome = await journal.readOutcome(id)
    const { output } = outcome?.fence === job.fence ? outcome : job
    return await this.fold(output === undefined ? job : { ...job, output })
  }
}

/** Milliseconds since 1970. */
export const forgottenAtMs = ({ endedAt, ttlSeconds }: Job): number =>
  endedAt === undefined ? 0 : Date.parse(endedAt) + ttlSeconds * 1000
