import { isFinal, type Job, type JobId, withoutOutput } from '../../jobs/job.ts'
import type { PassingOver } from '../../jobs/passing-over.ts'
import type { ListQuery, QueueStats } from '../../jobs/ports.ts'
import { isJobId } from '../../jobs/record.ts'
import { isOverdue } from '../../jobs/states.ts'
import type { Clock } from '../../util/clock.ts'
import { madeAt } from '../../util/ids.ts'
import { isAway } from './away.ts'
import type { Endings } from './endings.ts'
import { isPreview } from './fields.ts'
import type { RecordedJobs } from './recorded-jobs.ts'
import { nowMs } from './redis-clock.ts'
import { lists, placed, texts, worded } from './replies.ts'
import type { Scripts } from './scripts.ts'

export interface ReadingParts {
  readonly ask: Scripts
  readonly recorded: RecordedJobs
  readonly endings: Endings
  readonly clock: Clock
  readonly passingOver: PassingOver
}

export const pageSize = 200
const mostFound = 20

/** What is asked about jobs: of Redis, and while that is away of the journal. */
export class Reading {
  readonly #parts: ReadingParts

  constructor(parts: ReadingParts) {
    this.#parts = parts
  }

  async get(id: JobId): Promise<Job | undefined> {
    const job = await this.#orRecorded(
      async () => placed(await this.#parts.ask.run('read', id)) ?? (await this.#parts.recorded.get(id)),
      () => this.#parts.recorded.get(id),
    )
    if (!job) return undefined
    return isFinal(job) ? await this.#whole(job) : await this.#endIfOver(job)
  }

  /** With all of its output, as soon as the journal has it. */
  async #whole(job: Job): Promise<Job> {
    const recorded = isPreview(job) ? await this.#parts.recorded.get(job.id) : undefined
    return recorded && isFinal(recorded) && recorded.fence === job.fence ? recorded : job
  }

  async find(part: string): Promise<JobId[]> {
    return await this.#orRecorded(
      async () => [...new Set(texts(await this.#parts.ask.run('find', part, mostFound)).filter(isJobId))],
      () => this.#parts.recorded.find(part),
    )
  }

  async list(query: ListQuery): Promise<Job[]> {
    return await this.#orRecorded(
      () => this.#page(query),
      () => this.#parts.recorded.list(query),
    )
  }

  async stats(): Promise<QueueStats> {
    return await this.#orRecorded(
      async () => {
        const reply = texts(await this.#parts.ask.run('stats', nowMs(this.#parts.clock)))
        const [ready, delayed, running, oldest = ''] = reply
        const since = oldest === '' ? {} : { oldestReadyAt: madeAt(oldest).toISOString() }
        return { ready: Number(ready), delayed: Number(delayed), running: Number(running), ...since }
      },
      () => this.#parts.recorded.stats(),
    )
  }

  async #page({ limit, status, session, before }: ListQuery): Promise<Job[]> {
    const { ask } = this.#parts
    const index = session !== undefined ? `jobs:session:${session}` : status === undefined ? 'jobs' : `jobs:${status}`
    const found: Job[] = []
    for (let last: string = before ?? ''; found.length < limit; ) {
      const wanted = Math.min(pageSize, limit - found.length)
      const page = lists(await ask.run('page', index, last, wanted))
      for (const [, ...entry] of page) {
        const job = await this.#listed(entry)
        if (job && (status === undefined || job.status === status)) found.push(job)
      }
      last = page.at(-1)?.[0] ?? ''
      if (page.length < wanted) break
    }
    return found
  }

  async #listed(entry: readonly string[]): Promise<Job | undefined> {
    const job = await this.#parts.passingOver(async () => placed(entry))
    return job && withoutOutput(await this.#endIfOver(job))
  }

  /** Without its place in the queue, which changes with every other job. */
  async look(id: JobId): Promise<Job | undefined> {
    const job = await this.#orRecorded(
      async () => worded(await this.#parts.ask.run('read', id)).job,
      () => this.#parts.recorded.get(id),
    )
    return job && withoutOutput(job)
  }

  /** Whoever sees a waiting job that is not to start any more ends it: there may be no reaper for long. */
  async #endIfOver(job: Job): Promise<Job> {
    if (!isOverdue(job, this.#parts.clock.now())) return job
    return (await this.#parts.endings.expire(this.#parts.ask, job.id)).job ?? job
  }

  async #orRecorded<T>(ask: () => Promise<T>, recorded: () => Promise<T>): Promise<T> {
    try {
      return await ask()
    } catch (error) {
      if (isAway(error)) return await recorded()
      throw error
    }
  }
}
