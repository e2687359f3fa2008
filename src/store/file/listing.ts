import { isFinal, type Job, type JobId, type JobStatus, withoutOutput } from '../../jobs/job.ts'
import type { PassingOver } from '../../jobs/passing-over.ts'
import type { ListQuery } from '../../jobs/ports.ts'
import { inBatches } from '../../util/batches.ts'
import type { KnownIds } from './known-ids.ts'
import type { RememberedMarkers } from './remembered-markers.ts'

export interface ListingParts {
  readonly ids: KnownIds
  readonly queue: RememberedMarkers
  /** Jobs that have not ended. */
  readonly active: RememberedMarkers
  readonly passingOver: PassingOver
  /** The job as it is now. */
  look(id: JobId): Promise<Job | undefined>
}

/** What a query can ask about a job that has ended; none of it changes any more. */
interface Facts {
  readonly status: JobStatus
  readonly sessionId?: string | undefined
}

const mostAtOnce = 64

/** Pages of jobs, newest first. Of those that have ended, each is read once to know whether a query can mean it. */
export class Listing {
  readonly #parts: ListingParts
  readonly #finals = new Map<JobId, Facts>()

  constructor(parts: ListingParts) {
    this.#parts = parts
  }

  forget(id: JobId): void {
    this.#finals.delete(id)
  }

  async list(query: ListQuery): Promise<Job[]> {
    const { limit } = query
    const found: Job[] = []
    let batch: JobId[] = []
    const readBatch = async (): Promise<void> => {
      const jobs = await inBatches(batch, id => this.#read(id))
      found.push(...jobs.flatMap(job => (job && fits(job, query) ? [job] : [])))
      batch = []
    }
    for (const id of limit > 0 ? await this.#candidates(query) : []) {
      const facts = this.#finals.get(id)
      if (facts && !fits(facts, query)) continue
      batch.push(id)
      if (batch.length < Math.min(mostAtOnce, limit - found.length)) continue
      await readBatch()
      if (found.length >= limit) break
    }
    await readBatch()
    return await this.#withPositions(found.slice(0, limit))
  }

  /** Newest first; more than fit the query, perhaps. */
  async #candidates({ status, before }: ListQuery): Promise<Iterable<JobId>> {
    const { ids, queue, active } = this.#parts
    if (status !== 'queued' && status !== 'running') {
      return descending(await ids.newestFirst(before), await active.known.newestFirst(before))
    }
    // Among those that have not ended, too, is what waits for one process alone.
    if (status === 'queued') return await active.known.newestFirst(before)
    const waiting = new Set(await queue.known.all())
    return [...(await active.known.newestFirst(before))].filter(id => !waiting.has(id))
  }

  /** Ids that start or end with `part`. */
  async find(part: string): Promise<JobId[]> {
    const { ids, active, passingOver, look } = this.#parts
    const all = [...descending(await ids.newestFirst(), await active.known.newestFirst())]
    const fitting = all.filter(id => id.startsWith(part) || id.endsWith(part))
    // A marker is there before the record is.
    const isThere = async (id: JobId): Promise<boolean> => (await passingOver(() => look(id))) !== undefined
    const there = await inBatches(fitting, async id => ids.has(id) || (await isThere(id)))
    return fitting.filter((_, index) => there[index])
  }

  async #read(id: JobId): Promise<Job | undefined> {
    const job = await this.#parts.passingOver(() => this.#parts.look(id))
    if (!job) return undefined
    if (isFinal(job)) this.#finals.set(id, { status: job.status, sessionId: job.sessionId })
    return withoutOutput(job)
  }

  async #withPositions(jobs: Job[]): Promise<Job[]> {
    const { queue } = this.#parts
    return await inBatches(jobs, async job => {
      const index = job.status === 'queued' ? await queue.known.indexOf(job.id) : undefined
      return index === undefined ? job : { ...job, queuePosition: index + 1 }
    })
  }
}

/** Both together, each id once. Other processes' jobs are among those that go on before their records are known. */
function* descending(some: Iterable<JobId>, others: Iterable<JobId>): Generator<JobId> {
  const [left, right] = [some[Symbol.iterator](), others[Symbol.iterator]()]
  let [one, other] = [left.next(), right.next()]
  while (!one.done || !other.done) {
    const next = other.done || (!one.done && one.value >= other.value) ? one.value : other.value
    yield next
    if (!one.done && one.value === next) one = left.next()
    if (!other.done && other.value === next) other = right.next()
  }
}

const fits = (facts: Facts, { status, session }: ListQuery): boolean =>
  (status === undefined || facts.status === status) && (session === undefined || facts.sessionId === session)
