import { join } from 'node:path'
import { AgenticoreError } from '../../jobs/errors.ts'
import type { Job, JobId, Outcome, RunFacts } from '../../jobs/job.ts'
import type { ClaimRequest, JobStore, Journal, Lease, ListQuery } from '../../jobs/ports.ts'
import { cancelRequested, claimed, finished, isReady, recorded, released } from '../../jobs/states.ts'
import type { Clock } from '../../util/clock.ts'
import { Markers } from './markers.ts'

/**
 * Jobs of one host, in files. The records are the journal's; this adds who may take which job next:
 *
 *     queue/{id}     waits to run; ids sort by submission, so what is released is at the head again
 *     running/{id}   taken: a claim is the rename from queue/ to here, and only one rename can succeed
 *     cancel/{id}    somebody asked for the running job to be cancelled
 */
export class FileJobStore implements JobStore {
  readonly #journal: Journal
  readonly #clock: Clock
  readonly #warn: (message: string) => void
  readonly #queue: Markers
  readonly #running: Markers
  readonly #cancels: Markers

  private constructor(root: string, parts: FileStoreParts) {
    this.#journal = parts.journal
    this.#clock = parts.clock
    this.#warn = parts.warn
    this.#queue = new Markers(join(root, 'queue'))
    this.#running = new Markers(join(root, 'running'))
    this.#cancels = new Markers(join(root, 'cancel'))
  }

  static async open(root: string, parts: FileStoreParts): Promise<FileJobStore> {
    const store = new FileJobStore(root, parts)
    for (const markers of [store.#queue, store.#running, store.#cancels]) await markers.open()
    return store
  }

  async submit(job: Job): Promise<void> {
    if (await this.#journal.read(job.id)) return
    // The marker first: without its record it means nothing, and a kill in between leaves no record that never runs.
    await this.#queue.put(job.id)
    await this.#journal.create(job)
  }

  async get(id: JobId): Promise<Job | undefined> {
    const job = await this.#journal.read(id)
    if (job?.status === 'queued') return await this.#withPosition(job)
    return job && (await this.#withCancelMark(job))
  }

  async find(part: string): Promise<JobId[]> {
    const ids = await this.#journal.ids()
    return ids.filter(id => id.startsWith(part) || id.endsWith(part))
  }

  async list({ limit, status }: ListQuery): Promise<Job[]> {
    const jobs: Job[] = []
    for (const id of await this.#journal.ids()) {
      if (jobs.length >= limit) break
      const job = await this.#readable(id, each => this.get(each))
      if (job && (status === undefined || job.status === status)) jobs.push(withoutOutput(job))
    }
    return jobs
  }

  async claim({ podName, only }: ClaimRequest): Promise<Lease | undefined> {
    const waiting = await this.#queue.ids()
    for (const id of only ? waiting.filter(each => each === only) : waiting) {
      const job = await this.#readable(id, each => this.#journal.read(each))
      if (!job || !isReady(job, this.#clock.now())) continue
      if (await this.#queue.moveTo(this.#running, id)) return await this.#begin(id, podName)
    }
    return undefined
  }

  async record(lease: Lease, facts: RunFacts): Promise<Job> {
    const job = recorded(await this.#current(lease), facts)
    await this.#journal.update(job)
    return job
  }

  async finish(lease: Lease, outcome: Outcome): Promise<Job> {
    const job = finished(await this.#current(lease), outcome, this.#clock.now())
    await this.#journal.outcome(job)
    await this.#fold(job)
    return job
  }

  async release(lease: Lease, notBefore?: Date): Promise<Job> {
    const current = await this.#current(lease)
    const job = released(current, { at: this.#clock.now(), ...(notBefore ? { notBefore } : {}) })
    if (job.status !== 'queued') {
      await this.#fold(job)
      return job
    }
    await this.#journal.update(job)
    await this.#running.moveTo(this.#queue, job.id)
    return job
  }

  async cancel(id: JobId): Promise<Job> {
    // Taking the job out of the queue as a claim would: whoever renames it, alone decides what becomes of it.
    if (await this.#queue.moveTo(this.#running, id)) {
      const job = cancelRequested(await this.#existing(id), this.#clock.now())
      await this.#fold(job)
      return job
    }
    const job = await this.#existing(id)
    if (job.status !== 'running') return job
    await this.#cancels.put(id, this.#clock.now().toISOString())
    return await this.#withCancelMark(job)
  }

  async #begin(id: JobId, podName: string): Promise<Lease> {
    const job = await this.#existing(id)
    const fence = Math.max(job.fence, await this.#journal.highestFence(id)) + 1
    const running = claimed(job, { fence, podName, at: this.#clock.now() })
    if (!(await this.#journal.begin(running)))
      throw new AgenticoreError('stale_lease', `Attempt ${fence} of job ${id} is taken.`)
    return { job: running, fence }
  }

  /** The record as of now, if the lease is still the latest. */
  async #current(lease: Lease): Promise<Job> {
    const job = await this.#existing(lease.job.id)
    if (job.status === 'running' && job.fence === lease.fence) return await this.#withCancelMark(job)
    throw new AgenticoreError(
      'stale_lease',
      `Attempt ${lease.fence} of job ${job.id} no longer holds it: ${job.status}, attempt ${job.fence}.`,
    )
  }

  /** A record that cannot be read is no reason to stop: the others are as good as ever. */
  async #readable(id: JobId, read: (id: JobId) => Promise<Job | undefined>): Promise<Job | undefined> {
    try {
      return await read(id)
    } catch (error) {
      if (!(error instanceof AgenticoreError) || error.code !== 'corrupt_record') throw error
      this.#warn(`Passed over: ${error.message}`)
      return undefined
    }
  }

  async #existing(id: JobId): Promise<Job> {
    const job = await this.#journal.read(id)
    if (!job) throw new AgenticoreError('job_not_found', `There is no job "${id}".`)
    return job
  }

  async #fold(job: Job): Promise<void> {
    await this.#journal.fold(job)
    await this.#running.drop(job.id)
    await this.#cancels.drop(job.id)
  }

  async #withCancelMark(job: Job): Promise<Job> {
    if (job.status !== 'running') return job
    const at = await this.#cancels.read(job.id)
    return at === undefined ? job : { ...job, cancelRequestedAt: at }
  }

  async #withPosition(job: Job): Promise<Job> {
    const index = (await this.#queue.ids()).indexOf(job.id)
    return index < 0 ? job : { ...job, queuePosition: index + 1 }
  }
}

export interface FileStoreParts {
  readonly journal: Journal
  readonly clock: Clock
  warn(message: string): void
}

function withoutOutput(job: Job): Job {
  const { output: _, ...rest } = job
  return rest
}
