import { AgenticoreError, queueFull } from '../../jobs/errors.ts'
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
  /** Jobs that this process has had since they were submitted, and not begun. */
  readonly held: Set<JobId>
  /** This process, as one that holds jobs. */
  self(): Promise<Holder>
  reached(point: StorePoint): void
  cancel(id: JobId): Promise<Job>
  /** How many jobs wait. */
  waiting(): Promise<number>
  /** Ends what waits and should have started by now. */
  endOverdue(): Promise<void>
}

/**
 * How a job comes into the queue: its key, its marker, its record. Whoever comes with the key of a submission that got
 * stuck completes it; what nobody completes is swept away one day, and whoever then goes on all the same looks again.
 */
export class Submissions {
  readonly #parts: SubmissionsParts
  /** Those that were let in, and are about to wait. */
  #coming = 0

  constructor(parts: SubmissionsParts) {
    this.#parts = parts
  }

  /** @param options.hold the marker goes to where what this process holds is; from there an heir brings it to the queue */
  async submit(job: Job, options: SubmitOptions): Promise<Job> {
    const { queueLimit = Number.POSITIVE_INFINITY } = options
    // What is there already takes no room.
    if (queueLimit === Number.POSITIVE_INFINITY || (await this.#isKept(job))) return await this.#submit(job, options)
    let queued = await this.#parts.waiting()
    if (queued + this.#coming >= queueLimit) {
      await this.#parts.endOverdue()
      queued = await this.#parts.waiting()
    }
    if (queued + this.#coming >= queueLimit) throw queueFull(queued + this.#coming, queueLimit)
    this.#coming += 1
    try {
      return await this.#submit(job, options)
    } finally {
      this.#coming -= 1
    }
  }

  async #isKept({ id, idempotencyKey: key }: Job): Promise<boolean> {
    const { journal, keys } = this.#parts
    const owner = key === undefined ? undefined : await keys.owner(key)
    return (await journal.read(owner?.id ?? id)) !== undefined
  }

  async #submit(job: Job, options: SubmitOptions): Promise<Job> {
    const { journal, keys, reached } = this.#parts
    const key = job.idempotencyKey
    const kept = key === undefined ? job : await keys.take(key, job)
    reached('submit: keyed')
    if (!sameRequest(kept, job)) {
      throw new AgenticoreError('idempotency_conflict', `The idempotency key "${key}" belongs to job ${kept.id}.`)
    }
    const existing = await journal.read(kept.id)
    if (!existing && !(await this.#make(kept, options))) {
      // Somebody else has completed the same submission, or the sweeper has given it up in this moment.
      return (await journal.read(kept.id)) ?? (await this.#submit(job, options))
    }
    if (existing || !options.hold) await this.#ensureQueued(kept.id)
    if (existing || (await this.#hasKey(kept))) return existing ?? kept
    await this.#parts.cancel(kept.id)
    return await this.#submit(job, options)
  }

  /** The marker first: without its record it means nothing, and a kill in between leaves no record that never runs. */
  async #make(job: Job, { hold = false }: SubmitOptions): Promise<boolean> {
    const { journal, queue, held, reached } = this.#parts
    const { markers } = hold ? await this.#parts.self() : { markers: queue }
    await markers.put(job.id)
    reached('submit: queued')
    if (await journal.create(job)) {
      if (hold) held.add(job.id)
      return true
    }
    // A job that somebody else has made is not for us to keep from the others.
    if (hold && (await journal.read(job.id))) await markers.moveTo(queue, job.id)
    return false
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
