import { AgenticoreError } from '../../jobs/errors.ts'
import type { Job, JobId } from '../../jobs/job.ts'
import type { Journal, SubmitOptions } from '../../jobs/ports.ts'
import { sameRequest } from '../../jobs/request.ts'
import type { Holder, Holders } from './holders.ts'
import type { Keys } from './keys.ts'
import type { Markers } from './markers.ts'
import type { StorePoint } from './points.ts'

export interface SubmissionsParts {
  readonly journal: Journal
  readonly queue: Markers
  readonly keys: Keys
  readonly holders: Holders
  /** This process, as one that holds jobs. */
  self(): Promise<Holder>
  reached(point: StorePoint): void
  cancel(id: JobId): Promise<Job>
}

/**
 * How a job comes into the queue: its key, its marker, its record. Whoever comes with the key of a submission that got
 * stuck completes it; what nobody completes is swept away one day, and whoever then goes on all the same looks again.
 */
export class Submissions {
  readonly #parts: SubmissionsParts

  constructor(parts: SubmissionsParts) {
    this.#parts = parts
  }

  /** @param options.hold the marker goes to where what this process holds is; from there an heir brings it to the queue */
  async submit(job: Job, options: SubmitOptions): Promise<Job> {
    const { journal, queue, keys, reached, self } = this.#parts
    const key = job.idempotencyKey
    const kept = key === undefined ? job : await keys.take(key, job)
    reached('submit: keyed')
    if (!sameRequest(kept, job)) {
      throw new AgenticoreError('idempotency_conflict', `The idempotency key "${key}" belongs to job ${kept.id}.`)
    }
    const existing = await journal.read(kept.id)
    if (!existing) {
      // The marker first: without its record it means nothing, and a kill in between leaves no record that never runs.
      await (options.hold ? (await self()).markers : queue).put(kept.id)
      reached('submit: queued')
      // Not created: somebody else has completed the same submission, or the sweeper has given it up in this moment.
      if (!(await journal.create(kept))) return (await journal.read(kept.id)) ?? (await this.submit(job, options))
    }
    if (!options.hold) await this.#ensureQueued(kept.id)
    if (existing || (await this.#hasKey(kept))) return existing ?? kept
    await this.#parts.cancel(kept.id)
    return await this.submit(job, options)
  }

  /** A marker too many does no harm, but that it counts as a job that waits: whoever takes it looks at the job. */
  async #ensureQueued(id: JobId): Promise<void> {
    const { journal, queue, holders } = this.#parts
    if ((await queue.has(id)) || (await holders.hold(id))) return
    if ((await journal.read(id))?.status === 'queued') await queue.put(id)
  }

  /** Again, if need be. False when it is another job's in the meantime, which then is the one. */
  async #hasKey(job: Job): Promise<boolean> {
    const key = job.idempotencyKey
    return key === undefined || (await this.#parts.keys.take(key, job)).id === job.id
  }
}
