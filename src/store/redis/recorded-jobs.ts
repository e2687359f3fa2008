import { isFinal, type Job, type JobId, withoutOutput } from '../../jobs/job.ts'
import type { PassingOver } from '../../jobs/passing-over.ts'
import type { Journal, ListQuery, QueueStats } from '../../jobs/ports.ts'
import { isReady } from '../../jobs/states.ts'
import { inBatches } from '../../util/batches.ts'

/** What can be said of jobs while Redis is away: as the journal has them, perhaps some moments old. */
export class RecordedJobs {
  readonly #journal: Journal
  readonly #passingOver: PassingOver
  readonly #now: () => Date

  constructor(journal: Journal, passingOver: PassingOver, now: () => Date) {
    this.#journal = journal
    this.#passingOver = passingOver
    this.#now = now
  }

  async get(id: JobId): Promise<Job | undefined> {
    return await this.#journal.read(id)
  }

  async find(part: string): Promise<JobId[]> {
    return (await this.#journal.ids()).filter(id => id.startsWith(part) || id.endsWith(part))
  }

  async list({ limit, status, session, before }: ListQuery): Promise<Job[]> {
    const found: Job[] = []
    const isOpen = status === 'queued' || status === 'running'
    const ids = isOpen ? (await this.#journal.active()).toSorted().reverse() : await this.#journal.ids()
    for (const id of ids) {
      if (found.length >= limit) break
      if (before !== undefined && id >= before) continue
      const job = await this.#passingOver(() => this.#journal.read(id))
      if (!job || (status !== undefined && job.status !== status)) continue
      if (session === undefined || job.sessionId === session) found.push(withoutOutput(job))
    }
    return found
  }

  async stats(): Promise<QueueStats> {
    const ids = (await this.#journal.active()).toSorted()
    const jobs = await inBatches(ids, id => this.#passingOver(() => this.#journal.read(id)))
    const open = jobs.flatMap(job => (job && !isFinal(job) ? [job] : []))
    const waiting = open.filter(job => job.status === 'queued')
    const now = this.#now()
    const ready = waiting.filter(job => isReady(job, now))
    const oldestReadyAt = ready[0]?.createdAt
    return {
      ready: ready.length,
      delayed: waiting.length - ready.length,
      running: open.length - waiting.length,
      ...(oldestReadyAt === undefined ? {} : { oldestReadyAt }),
    }
  }
}
