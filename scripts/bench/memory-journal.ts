import { isFinal, type Job, type JobId } from '../../src/jobs/job.ts'
import type { AttemptId, Journal, Lease } from '../../src/jobs/ports.ts'

interface Kept {
  record: Job
  readonly attempts: Map<number, Job>
  readonly outcomes: Map<number, Job>
}

/** A journal that costs nothing and keeps nothing: what the queue does without it. */
export class MemoryJournal implements Journal {
  readonly #jobs = new Map<JobId, Kept>()

  async create(job: Job): Promise<boolean> {
    if (this.#jobs.has(job.id)) return false
    this.#jobs.set(job.id, { record: job, attempts: new Map(), outcomes: new Map() })
    return true
  }

  async begin(job: Job): Promise<boolean> {
    const { attempts } = this.#of(job)
    if (attempts.has(job.fence)) return false
    attempts.set(job.fence, job)
    return true
  }

  async update(job: Job): Promise<void> {
    this.#of(job).attempts.set(job.fence, job)
  }

  async outcome(job: Job): Promise<void> {
    this.#of(job).outcomes.set(job.fence, job)
  }

  async readOutcome(id: JobId): Promise<Job | undefined> {
    return this.#jobs.get(id)?.outcomes.get(await this.highestFence(id))
  }

  async fold(job: Job): Promise<void> {
    this.#of(job).record = job
  }

  async requestCancel(): Promise<void> {
    // Nothing here survives anything.
  }

  async cancelRequest(): Promise<undefined> {
    return undefined
  }

  async submission(id: JobId): Promise<Job | undefined> {
    return this.#jobs.get(id)?.record
  }

  async read(id: JobId): Promise<Job | undefined> {
    const kept = this.#jobs.get(id)
    if (!kept || isFinal(kept.record)) return kept?.record
    return kept.attempts.get(await this.highestFence(id)) ?? kept.record
  }

  async highestFence(id: JobId): Promise<number> {
    return Math.max(0, ...(this.#jobs.get(id)?.attempts.keys() ?? []))
  }

  async ids(): Promise<JobId[]> {
    return [...this.#jobs.keys()].sort().reverse()
  }

  async active(): Promise<JobId[]> {
    return [...this.#jobs].flatMap(([id, { record }]) => (isFinal(record) ? [] : [id]))
  }

  async remove(id: JobId): Promise<void> {
    this.#jobs.delete(id)
  }

  diffPath({ job, fence }: Lease): string {
    return `${job.id}/${fence}/diff.patch`
  }

  straysPath({ job, fence }: Lease): string {
    return `${job.id}/${fence}/left.bundle`
  }

  sessionPath({ id, fence }: AttemptId): string {
    return `${id}/${fence}/session.jsonl`
  }

  #of(job: Job): Kept {
    const kept = this.#jobs.get(job.id) ?? { record: job, attempts: new Map(), outcomes: new Map() }
    this.#jobs.set(job.id, kept)
    return kept
  }
}
