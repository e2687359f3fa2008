import type { Change } from '../../jobs/changes.ts'
import { AgenticoreError, queueFull } from '../../jobs/errors.ts'
import { isFinal, type Job, type JobId, type Outcome, type RunFacts, withoutOutput } from '../../jobs/job.ts'
import { type PassingOver, passingOver } from '../../jobs/passing-over.ts'
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
import { isJobId } from '../../jobs/record.ts'
import { requestText } from '../../jobs/request.ts'
import { asSubmitted, isOverdue, startByMs } from '../../jobs/states.ts'
import { Watchers } from '../../jobs/watchers.ts'
import type { Clock } from '../../util/clock.ts'
import { messageOf } from '../../util/error-code.ts'
import { madeAt } from '../../util/ids.ts'
import { joinedNext } from '../../util/joined.ts'
import { Claims } from './claims.ts'
import { Connections, type ConnectionsParts } from './connections.ts'
import { Endings } from './endings.ts'
import { digestOf, isPreview, toFields } from './fields.ts'
import { Reaper } from './reaper.ts'
import { RecordedJobs } from './recorded-jobs.ts'
import { nowMs, nowText } from './redis-clock.ts'
import { lists, placed, texts, worded } from './replies.ts'
import type { Safety } from './safety.ts'
import { Settling } from './settling.ts'
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

const pageSize = 200
const mostFound = 20
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
  readonly #passingOver: PassingOver
  /** As it is after the call; those who submit at one time share the answer. */
  readonly #epoch = joinedNext(async () => texts(await this.#connections.ask.run('epoch'))[0])
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
    const { work: scripts, restoring, rebuild, seen, clock: shared } = this.#connections
    const { clock = shared } = given
    this.clock = clock
    const parts = { ...given, clock }
    this.#parts = parts
    this.#passingOver = passingOver(warn)
    this.#recorded = new RecordedJobs(journal, this.#passingOver, () => clock.now())
    this.#watchers = new Watchers({ look: id => this.#look(id), watched: is => this.#follow(is) })
    const endings = new Endings({ ...parts, scripts })
    this.#endings = endings
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

  async submit(job: Job, { hold = false, queueLimit }: SubmitOptions = {}): Promise<Job> {
    if (hold) throw new Error('A job of a fleet is anybody’s: only the file store keeps one for its submitter')
    for (;;) {
      const { kept, epoch } = await this.#accept(job, queueLimit)
      if (!kept) continue
      // One that has ended is written down by whoever ended it; here it would only be marked as going on.
      if (!isFinal(kept)) await this.#parts.journal.create(kept.fence === 0 ? asSubmitted(kept) : kept)
      // Somebody may have read the journal before that, to tell Redis what there is.
      if (await this.#isStill(epoch)) return kept
    }
  }

  async get(id: JobId): Promise<Job | undefined> {
    const job = await this.#orRecorded(
      async () => placed(await this.#connections.ask.run('read', id)) ?? (await this.#recorded.get(id)),
      () => this.#recorded.get(id),
    )
    if (!job) return undefined
    return isFinal(job) ? await this.#whole(job) : await this.#endIfOver(job)
  }

  /** With all of its output, as soon as the journal has it. */
  async #whole(job: Job): Promise<Job> {
    const recorded = isPreview(job) ? await this.#recorded.get(job.id) : undefined
    return recorded && isFinal(recorded) && recorded.fence === job.fence ? recorded : job
  }

  async find(part: string): Promise<JobId[]> {
    return await this.#orRecorded(
      async () => [...new Set(texts(await this.#connections.ask.run('find', part, mostFound)).filter(isJobId))],
      () => this.#recorded.find(part),
    )
  }

  async list(query: ListQuery): Promise<Job[]> {
    return await this.#orRecorded(
      () => this.#page(query),
      () => this.#recorded.list(query),
    )
  }

  async stats(): Promise<QueueStats> {
    return await this.#orRecorded(
      async () => {
        const reply = texts(await this.#connections.ask.run('stats', nowMs(this.clock)))
        const [ready, delayed, running, oldest = ''] = reply
        const since = oldest === '' ? {} : { oldestReadyAt: madeAt(oldest).toISOString() }
        return { ready: Number(ready), delayed: Number(delayed), running: Number(running), ...since }
      },
      () => this.#recorded.stats(),
    )
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

  /** @returns the job that Redis has now; none when the one of an earlier submission has just been forgotten */
  async #accept(job: Job, queueLimit?: number): Promise<{ kept: Job | undefined; epoch: string }> {
    const { ask } = this.#connections
    const [word = '', id = '', epoch = ''] = texts(
      await ask.run('submit', ...submission(job, nowMs(this.clock), queueLimit)),
    )
    if (word === 'full') throw queueFull(Number(id), queueLimit ?? 0)
    if (word === 'conflict') {
      const message = `The idempotency key "${job.idempotencyKey}" belongs to job ${id}.`
      throw new AgenticoreError('idempotency_conflict', message)
    }
    return { kept: word === 'known' && isJobId(id) ? await this.#known(id) : job, epoch }
  }

  async #known(id: JobId): Promise<Job | undefined> {
    return placed(await this.#connections.ask.run('read', id))
  }

  async #answers(): Promise<void> {
    await this.#connections.work.run('stats', nowMs(this.clock))
    await this.#connections.hears()
  }

  /** False when Redis was made anew from the journal since: the job may not be in it. */
  async #isStill(epoch: string): Promise<boolean> {
    return (await this.#epoch('')) === epoch
  }

  async #page({ limit, status, session, before }: ListQuery): Promise<Job[]> {
    const { ask } = this.#connections
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
    const job = await this.#passingOver(async () => placed(entry))
    return job && withoutOutput(await this.#endIfOver(job))
  }

  /** Without its place in the queue, which changes with every other job. */
  async #look(id: JobId): Promise<Job | undefined> {
    const job = await this.#orRecorded(
      async () => worded(await this.#connections.ask.run('read', id)).job,
      () => this.#recorded.get(id),
    )
    return job && withoutOutput(job)
  }

  /** Whoever sees a waiting job that is not to start any more ends it: there may be no reaper for long. */
  async #endIfOver(job: Job): Promise<Job> {
    if (!isOverdue(job, this.clock.now())) return job
    return (await this.#endings.expire(this.#connections.ask, job.id)).job ?? job
  }

  async #orRecorded<T>(ask: () => Promise<T>, recorded: () => Promise<T>): Promise<T> {
    try {
      return await ask()
    } catch (error) {
      if (isAway(error)) return await recorded()
      throw error
    }
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

const isAway = (error: unknown): boolean => error instanceof AgenticoreError && error.code === 'store_unavailable'

function submission(job: Job, now: () => string, queueLimit = Number.POSITIVE_INFINITY) {
  const { id, idempotencyKey, queueTtlSeconds } = job
  return [
    id,
    ...(idempotencyKey === undefined ? ['', ''] : [digestOf(idempotencyKey), digestOf(requestText(job))]),
    queueTtlSeconds === undefined ? '' : startByMs(job),
    Number.isFinite(queueLimit) ? queueLimit : '',
    now,
    ...toFields(job),
  ] as const
}
