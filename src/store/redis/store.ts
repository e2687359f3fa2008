import type { Change } from '../../jobs/changes.ts'
import { AgenticoreError } from '../../jobs/errors.ts'
import { isFinal, type Job, type JobId, type Outcome, type RunFacts } from '../../jobs/job.ts'
import { passingOver } from '../../jobs/passing-over.ts'
import type {
  ClaimRequest,
  JobStore,
  Lease,
  ListQuery,
  QueueStats,
  Reaped,
  Renewal,
  SubmitOptions,
} from '../../jobs/ports.ts'
import { Watchers } from '../../jobs/watchers.ts'
import type { Clock } from '../../util/clock.ts'
import { messageOf } from '../../util/error-code.ts'
import { isAway } from './away.ts'
import { Claims } from './claims.ts'
import { Connections, type ConnectionsParts } from './connections.ts'
import { Endings } from './endings.ts'
import { pageSize, Reading } from './reading.ts'
import { Reaper } from './reaper.ts'
import { RecordedJobs } from './recorded-jobs.ts'
import { nowMs, nowText } from './redis-clock.ts'
import { worded } from './replies.ts'
import type { Safety } from './safety.ts'
import { Settling } from './settling.ts'
import { Submitting } from './submitting.ts'
import { Sweeper } from './sweeper.ts'

export interface RedisStoreParts extends ConnectionsParts {
  /** For what is due, and what is written into records: Redis' own, if not given. Tests move theirs. */
  readonly clock?: Clock
  /** Told of every job that has ended; after a crash, told again. */
  ended?(job: Job): Promise<void>
  /** Told of what any pod does to jobs, as long as somebody follows. */
  changed?(id: JobId, change: Change): void
  /** Somebody has asked to cancel a job that this process runs. */
  cancelled?(id: JobId): void
  /** There may be a job to claim; or somebody has told this pod to drain. */
  woken?(why: 'work' | 'drain'): void
}

const lookAgainMs = 500

/**
 * Jobs of a fleet: Redis says who may take which job next, and who has which; the journal has the records that survive
 * it. Each step is one script (`scripts/`), and each of them may be sent again.
 *
 *     {p}:queue     waits to run; what is released is at the head again        {p}:delayed   waits for its time
 *     {p}:running   is leased, until then; a lease that has run out is anybody's to seize
 *     {p}:ending    has ended, and the journal may not know yet                {p}:ended     is kept until then
 *
 * A job is in exactly one of them. While Redis is away, what is asked is answered from the journal, and nothing is
 * accepted.
 */
export class RedisJobStore implements JobStore {
  readonly #parts: RedisStoreParts
  readonly #connections: Connections
  /** What time it is for all pods. */
  readonly clock: Clock
  readonly #settling: Settling
  readonly #claims: Claims
  readonly #reaper: Reaper
  readonly #sweeper: Sweeper
  readonly #watchers: Watchers
  readonly #endings: Endings
  readonly #recorded: RecordedJobs
  readonly #reading: Reading
  readonly #submitting: Submitting
  /** While somebody watches; what ends it. */
  #following: Promise<() => void> | undefined
  #closed: Promise<void> | undefined

  private constructor(given: RedisStoreParts) {
    const { warn, journal } = given
    this.#connections = new Connections(given, {
      changed: (id, change) => this.#changed(id, change),
      cancelled: id => given.cancelled?.(id),
      woken: why => given.woken?.(why),
      again: () => void this.#catchUp(),
    })
    const { work: scripts, ask, restoring, rebuild, seen, clock: shared } = this.#connections
    const { clock = shared } = given
    this.clock = clock
    const parts = { ...given, clock }
    this.#parts = parts
    const over = passingOver(warn)
    const recorded = new RecordedJobs(journal, over, () => clock.now())
    this.#recorded = recorded
    const endings = new Endings({ ...parts, scripts })
    this.#endings = endings
    this.#reading = new Reading({ ask, recorded, endings, clock, passingOver: over })
    this.#submitting = new Submitting({ ask, journal, clock })
    this.#watchers = new Watchers({ look: id => this.#reading.look(id), watched: is => this.#follow(is) })
    const settling = new Settling({ ...parts, scripts, endings, seen, distrust: () => this.#distrust() })
    this.#settling = settling
    this.#claims = new Claims({ ...parts, scripts, endings, restoring, settling })
    const sinceMs = (): number => this.#connections.sinceMs
    this.#reaper = new Reaper({ ...parts, scripts, endings, settling, rebuild, restoring, sinceMs })
    this.#sweeper = new Sweeper({ ...parts, scripts })
  }

  /** At once: what is asked before Redis answers is answered from the journal. */
  static connect(parts: RedisStoreParts): RedisJobStore {
    return new RedisJobStore(parts)
  }

  /** Resolves when Redis can be asked. @throws AgenticoreError `store_unavailable` */
  static async open(parts: RedisStoreParts): Promise<RedisJobStore> {
    const store = new RedisJobStore(parts)
    try {
      await store.#answers()
      return store
    } catch (error) {
      await store.#connections.close()
      throw error
    }
  }

  /** Resolves when Redis knows the jobs and this process hears what others do, however long that takes. */
  async ready(signal: AbortSignal): Promise<void> {
    for (;;) {
      try {
        return await this.#answers()
      } catch (error) {
        if (!isAway(error) || signal.aborted) throw error
        await this.#parts.waits.sleep(lookAgainMs, signal)
      }
    }
  }

  /** @throws AgenticoreError `store_unavailable` */
  async examine(): Promise<Safety> {
    return await this.#connections.examine()
  }

  get connections(): Connections {
    return this.#connections
  }

  async submit(job: Job, options?: SubmitOptions): Promise<Job> {
    return await this.#submitting.submit(job, options)
  }

  async get(id: JobId): Promise<Job | undefined> {
    return await this.#reading.get(id)
  }

  async find(part: string): Promise<JobId[]> {
    return await this.#reading.find(part)
  }

  async list(query: ListQuery): Promise<Job[]> {
    return await this.#reading.list(query)
  }

  async stats(): Promise<QueueStats> {
    return await this.#reading.stats()
  }

  async watch(signal: AbortSignal): Promise<AsyncIterable<Job>> {
    const jobs = this.#watchers.watch(signal)
    await this.#following
    return jobs
  }

  async claim(claim: ClaimRequest): Promise<Lease | undefined> {
    return await this.#claims.claim(claim)
  }

  async renew(leases: readonly Lease[]): Promise<Renewal[]> {
    return await this.#settling.renew(leases)
  }

  async record(lease: Lease, facts: RunFacts): Promise<Job> {
    return await this.#settling.record(lease, facts)
  }

  async finish(lease: Lease, outcome: Outcome): Promise<Job> {
    return await this.#settling.finish(lease, outcome)
  }

  async release(lease: Lease, notBefore?: Date): Promise<Job> {
    return await this.#settling.release(lease, notBefore)
  }

  async calm(until: Date): Promise<void> {
    const ms = until.getTime() - this.clock.now().getTime()
    if (ms > 0) await this.#connections.work.run('calm', Math.ceil(ms))
  }

  async cancel(id: JobId): Promise<Job> {
    const job = await this.#cancelled(id)
    if (job) return job
    const recorded = await this.#recorded.get(id)
    if (!recorded) throw new AgenticoreError('job_not_found', `There is no job "${id}".`)
    if (isFinal(recorded)) return recorded
    // Redis has lost it, and would have it again as if nobody had cancelled it.
    await this.#connections.restoring.one(id)
    const restored = await this.#cancelled(id)
    if (restored) return restored
    throw new AgenticoreError('store_unavailable', `Redis does not know job ${id} any more.`)
  }

  /** None when Redis does not have it. */
  async #cancelled(id: JobId): Promise<Job | undefined> {
    const reply = await this.#connections.ask.run('cancel', id, nowText(this.clock), crypto.randomUUID())
    const { word, job } = worded(reply)
    return job && (word === 'ended' ? await this.#endings.fold(job) : await this.#noted(job))
  }

  /** A cancel request is confirmed when the journal has it: Redis may forget it before its holder hears of it. */
  async #noted(job: Job): Promise<Job> {
    const { id, cancelRequestedAt } = job
    if (cancelRequestedAt !== undefined && !isFinal(job)) await this.#parts.journal.requestCancel(id, cancelRequestedAt)
    // Whoever ended it may not have come to write that down.
    if (job.status === 'cancelled') await this.#endings.ensure(id)
    return job
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
    this.#closed ??= this.#close()
    await this.#closed
  }

  async #close(): Promise<void> {
    const { boot, warn } = this.#parts
    this.#settling.close()
    try {
      await this.#connections.ask.run('gone', boot.id, boot.podName)
      await this.#endings.settled()
    } catch (error) {
      if (!isAway(error)) throw error
      warn('What this process still holds is taken back when its leases have run out: Redis is away.')
    } finally {
      await this.#connections.close()
    }
  }

  async #answers(): Promise<void> {
    await this.#connections.work.run('stats', nowMs(this.clock))
    await this.#connections.hears()
  }

  #changed(id: JobId, change: Change): void {
    this.#parts.changed?.(id, change)
    if (change === 'record') this.#watchers.changed(id)
  }

  #follow(isWatched: boolean): void {
    void this.#following?.then(stop => stop())
    this.#following = isWatched ? this.#connections.follow() : undefined
  }

  /** What happened while nothing was heard. */
  async #catchUp(): Promise<void> {
    try {
      if (this.#following) this.#watchers.missed((await this.list({ limit: pageSize })).map(job => job.id))
    } catch (error) {
      if (!isAway(error)) this.#parts.warn(`What happened meanwhile could not be looked at: ${messageOf(error)}`)
    }
    this.#parts.woken?.('work')
  }

  async #distrust(): Promise<void> {
    const { work, seen } = this.#connections
    await work.run('distrust', seen.epoch, seen.rev, '')
  }
}
