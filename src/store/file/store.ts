import { join } from 'node:path'
import { Changes } from '../../jobs/changes.ts'
import { AgenticoreError } from '../../jobs/errors.ts'
import { isFinal, type Job, type JobId, type Outcome, type RunFacts } from '../../jobs/job.ts'
import { type PassingOver, passingOver } from '../../jobs/passing-over.ts'
import type {
  ClaimRequest,
  JobStore,
  Journal,
  Lease,
  ListQuery,
  QueueStats,
  Reaped,
  Renewal,
  SubmitOptions,
} from '../../jobs/ports.ts'
import { finished, isReady, recorded, released } from '../../jobs/states.ts'
import { inBatches } from '../../util/batches.ts'
import type { Clock } from '../../util/clock.ts'
import { hasCode, messageOf } from '../../util/error-code.ts'
import { Calm } from './calm.ts'
import { Endings } from './endings.ts'
import { type Holder, Holders } from './holders.ts'
import { Keys } from './keys.ts'
import { idOfAttempts, idOfRecord, KnownIds } from './known-ids.ts'
import { Listing } from './listing.ts'
import { Markers } from './markers.ts'
import { Overdue } from './overdue.ts'
import type { StorePoint } from './points.ts'
import { Reaper } from './reaper.ts'
import { RememberedMarkers } from './remembered-markers.ts'
import { queueStats, type StatsParts } from './stats.ts'
import { Submissions } from './submissions.ts'
import { Sweeper } from './sweeper.ts'
import { telling } from './telling.ts'
import { Waiting } from './waiting.ts'
import { Watch } from './watch.ts'

export interface FileStoreParts {
  readonly journal: Journal
  readonly clock: Clock
  /** Told of what this process does. */
  readonly changes?: Changes
  warn(message: string): void
  reached?(point: StorePoint): void
  /** Told of every job that has ended before the store forgets that it was under way; after a crash, told again. */
  ended?(job: Job): Promise<void>
}

/**
 * Jobs of one host, in files. The records are the journal's; this adds who may take which job next, and who has which:
 *
 *     queue/{id}            waits to run; ids sort by submission, so what is released is at the head again
 *     holders/{boot}/{id}   taken by that process: a claim is the rename to here, and only one rename can succeed
 *     verdict/{id}          how the job ends if that is disputed: whoever creates it first, outcome or cancel request
 *     keys/{sha256}         idempotency keys
 *
 * A job is in `queue` or with one holder; after a kill in the middle of a step it is with a holder that is gone, and
 * `reap` completes the step or takes it back.
 */
export class FileJobStore implements JobStore {
  readonly #parts: FileStoreParts
  readonly #journal: Journal
  readonly #changes: Changes
  readonly #ids: KnownIds
  readonly #begun: KnownIds
  readonly #listing: Listing
  readonly #active: RememberedMarkers
  readonly #queue: RememberedMarkers
  readonly #verdicts: Markers
  readonly #holders: Holders
  readonly #calm: Calm
  /** Jobs that this process has had since they were submitted, and not begun. */
  readonly #held = new Set<JobId>()
  readonly #keys: Keys
  readonly #submissions: Submissions
  readonly #endings: Endings
  readonly #waiting: Waiting
  readonly #reaper: Reaper
  readonly #sweeper: Sweeper
  readonly #passingOver: PassingOver
  readonly #standing: StatsParts
  readonly #watch: Watch
  #self: Promise<Holder> | undefined

  private constructor(root: string, parts: FileStoreParts) {
    this.#parts = parts
    this.#changes = parts.changes ?? new Changes()
    this.#ids = new KnownIds({ directory: root, idOf: idOfRecord, clock: parts.clock })
    this.#journal = telling(parts.journal, {
      changed: id => this.#changed(id),
      ended: id => this.#active.known.remove(id),
      removed: id => this.#removed(id),
    })
    this.#active = new RememberedMarkers(join(root, 'active'), parts.clock)
    this.#queue = new RememberedMarkers(join(root, 'queue'), parts.clock)
    this.#verdicts = new Markers(join(root, 'verdict'))
    this.#holders = new Holders(join(root, 'holders'))
    this.#calm = new Calm(join(root, '.calm'), parts.clock)
    this.#keys = new Keys(join(root, 'keys'))
    this.#passingOver = passingOver(parts.warn)
    const seen = {
      queue: this.#queue,
      active: this.#active,
      passingOver: this.#passingOver,
      look: (id: JobId): Promise<Job | undefined> => this.#look(id),
    }
    this.#listing = new Listing({ ...seen, ids: this.#ids })
    this.#begun = new KnownIds({ directory: root, idOf: idOfAttempts, clock: parts.clock })
    this.#standing = {
      ...seen,
      begun: this.#begun,
      held: this.#held,
      clock: parts.clock,
      read: id => this.#journal.read(id),
    }
    this.#watch = new Watch({ ...seen, changes: this.#changes, clock: parts.clock, warn: parts.warn })
    const overdue = new Overdue({ ...parts, ...seen })
    const shared = {
      ...parts,
      journal: this.#journal,
      queue: this.#queue,
      verdicts: this.#verdicts,
      holders: this.#holders,
      held: this.#held,
      self: (): Promise<Holder> => this.#own(),
      keys: this.#keys,
      cancel: (id: JobId): Promise<Job> => this.cancel(id),
      waiting: async (): Promise<number> => (await this.#queue.known.all()).length + this.#held.size,
      endOverdue: (): Promise<void> => overdue.end(),
      heed: (job: Job): Promise<Job> => this.#heed(job),
      reached: (point: StorePoint): void => this.#reached(point),
    }
    this.#submissions = new Submissions(shared)
    this.#endings = new Endings(shared)
    this.#waiting = new Waiting({ ...shared, endings: this.#endings })
    this.#reaper = new Reaper({ ...shared, endings: this.#endings, waiting: this.#waiting })
    this.#sweeper = new Sweeper({
      ...shared,
      root,
      keys: this.#keys,
      waiting: this.#waiting,
      passingOver: this.#passingOver,
    })
  }

  static async open(root: string, parts: FileStoreParts): Promise<FileJobStore> {
    const store = new FileJobStore(root, parts)
    for (const place of [store.#queue, store.#verdicts, store.#holders, store.#keys]) await place.open()
    return store
  }

  async submit(job: Job, options: SubmitOptions = {}): Promise<Job> {
    try {
      const kept = await this.#submissions.submit(job, options)
      this.#made(kept.id)
      return kept
    } catch (error) {
      // Of what is written here, only the place for it can be missing.
      throw hasCode(error, 'ENOENT') ? new AgenticoreError('storage_failed', messageOf(error), { cause: error }) : error
    }
  }

  async get(id: JobId): Promise<Job | undefined> {
    const job = await this.#look(id)
    return job?.status === 'queued' ? await this.#withPosition(job) : job
  }

  async find(part: string): Promise<JobId[]> {
    return await this.#listing.find(part)
  }

  async list(query: ListQuery): Promise<Job[]> {
    return await this.#listing.list(query)
  }

  async stats(): Promise<QueueStats> {
    return await queueStats(this.#standing)
  }

  async watch(signal: AbortSignal): Promise<AsyncIterable<Job>> {
    return await this.#watch.watch(signal)
  }

  async claim({ podName, only }: ClaimRequest): Promise<Lease | undefined> {
    await this.#waiting.putBack()
    if (only && this.#held.has(only)) return await this.#waiting.beginHeld(only, podName)
    if (!only && (await this.#calm.isNow())) return undefined
    const waiting = await this.#queue.ids()
    for (const id of only ? waiting.filter(each => each === only) : waiting) {
      const job = await this.#passingOver(() => this.#journal.read(id))
      if (!job || (job.status === 'queued' && !isReady(job, this.#now()))) continue
      const lease = await this.#waiting.begin(id, podName)
      if (lease) return lease
    }
    return undefined
  }

  async renew(leases: readonly Lease[]): Promise<Renewal[]> {
    return await inBatches(leases, lease => this.#renewal(lease))
  }

  async record(lease: Lease, facts: RunFacts): Promise<Job> {
    const job = recorded(await this.#current(lease), facts)
    await this.#journal.update(job)
    return job
  }

  async finish(lease: Lease, outcome: Outcome): Promise<Job> {
    const job = finished(await this.#current(lease), outcome, this.#now())
    await this.#journal.outcome(job)
    this.#reached('finish: outcome')
    return await this.#endings.conclude(job, await this.#own())
  }

  async release(lease: Lease, notBefore?: Date): Promise<Job> {
    const current = await this.#current(lease)
    const job = released(current, { at: this.#now(), ...(notBefore ? { notBefore } : {}) })
    return await this.#heed(await this.#endings.giveBack(job, await this.#own()))
  }

  async calm(until: Date): Promise<void> {
    await this.#calm.until(until)
  }

  async cancel(id: JobId): Promise<Job> {
    const job = await this.#existing(id)
    if (isFinal(job)) return job
    const requestedAt = await this.#endings.requestCancel(id)
    this.#changes.tell(id, 'record')
    if (requestedAt === undefined) return await this.#endings.complete(await this.#existing(id))
    const ended = await this.#waiting.end(id)
    const now = ended?.job ?? (await this.#existing(id))
    // It ended before the request was made.
    if (isFinal(now)) await this.#verdicts.drop(id)
    const marked = await this.#endings.marked(now)
    // The mark is gone where its holder has heeded it in this moment: then the record says so.
    return isFinal(marked) || marked.cancelRequestedAt !== undefined ? marked : await this.#existing(id)
  }

  async reap(
    end: (lease: Lease) => Promise<void>,
    about: (reaped: Reaped) => Promise<void> = async () => undefined,
  ): Promise<Reaped[]> {
    return await this.#reaper.reap({ end, about })
  }

  async sweep(): Promise<Job[]> {
    return await this.#sweeper.sweep()
  }

  async close(): Promise<void> {
    try {
      await this.#waiting.giveUpHeld()
    } finally {
      const self = await this.#self
      this.#self = undefined
      await self?.close()
    }
  }

  /** True when there may be something to reap; cheap. */
  async hasHolders(): Promise<boolean> {
    return await this.#holders.any()
  }

  /** A cancel request that came too late for whoever gave the job back, and too early to find it in the queue. */
  async #heed(job: Job): Promise<Job> {
    return job.status === 'queued' && (await this.#verdicts.has(job.id)) ? await this.cancel(job.id) : job
  }

  async #look(id: JobId): Promise<Job | undefined> {
    const job = await this.#journal.read(id)
    return job && (await this.#endIfOver(await this.#endings.marked(job)))
  }

  #made(id: JobId): void {
    this.#ids.add(id)
    this.#active.known.add(id)
    this.#changes.tell(id, 'record')
  }

  #changed(id: JobId): void {
    this.#begun.add(id)
    this.#changes.tell(id, 'record')
  }

  #removed(id: JobId): void {
    this.#ids.remove(id)
    this.#begun.remove(id)
    this.#active.known.remove(id)
    this.#listing.forget(id)
  }

  /** Whoever sees a waiting job that is not to start any more ends it: there may be no reaper for long. */
  async #endIfOver(job: Job): Promise<Job> {
    if (!this.#endings.isOver(job)) return job
    try {
      return (await this.#waiting.end(job.id))?.job ?? job
    } catch (error) {
      this.#parts.warn(`Job ${job.id} is not to start any more, and could not be ended: ${messageOf(error)}`)
      return job
    }
  }

  async #current(lease: Lease): Promise<Job> {
    const { id } = lease.job
    const job = await this.#journal.read(id)
    const isCurrent = job?.status === 'running' && job.fence === lease.fence
    if (isCurrent && (await this.#holds(id))) return await this.#endings.marked(job)
    const now = job ? `${job.status}, attempt ${job.fence}` : 'forgotten'
    throw new AgenticoreError('stale_lease', `Attempt ${lease.fence} of job ${id} no longer holds it: ${now}.`)
  }

  async #renewal(lease: Lease): Promise<Renewal> {
    try {
      return (await this.#current(lease)).cancelRequestedAt === undefined ? 'held' : 'cancelled'
    } catch (error) {
      if (error instanceof AgenticoreError && error.code === 'stale_lease') return 'lost'
      throw error
    }
  }

  async #holds(id: JobId): Promise<boolean> {
    const self = await this.#self
    return self !== undefined && (await self.markers.has(id))
  }

  async #existing(id: JobId): Promise<Job> {
    const job = await this.#journal.read(id)
    if (!job) throw new AgenticoreError('job_not_found', `There is no job "${id}".`)
    return job
  }

  async #withPosition(job: Job): Promise<Job> {
    const index = await this.#queue.known.indexOf(job.id)
    return index === undefined ? job : { ...job, queuePosition: index + 1 }
  }

  #own(): Promise<Holder> {
    this.#self ??= this.#holders.add().catch((error: unknown) => {
      this.#self = undefined
      throw error
    })
    return this.#self
  }

  #now(): Date {
    return this.#parts.clock.now()
  }

  #reached(point: StorePoint): void {
    this.#parts.reached?.(point)
  }
}
