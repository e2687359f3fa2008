import type { JobEvent, JobEventBody } from './events.ts'
import type { Job, JobId, JobStatus, Outcome, RunFacts } from './job.ts'

/** The right to write one attempt of one job. Every write after the claim carries it; an older fence is refused. */
export interface Lease {
  readonly job: Job
  readonly fence: number
  /** When it was asked for, on the monotonic clock of its holder: its time counts from then. */
  readonly askedMs?: number
}

/**
 * Where jobs wait, are claimed, and are found again. Deliberately not in here: connections, transactions, retries, HTTP.
 * Every mutation is durable when its promise resolves, and refused with `stale_lease` when the lease is not the latest.
 */
export interface JobStore {
  /**
   * The job is kept, queued behind those that were submitted before it. Replaying it changes nothing.
   * @returns the job that is kept: under an idempotency key that was used before, the job of that time
   * @throws AgenticoreError `idempotency_conflict` when that one asked for something else, `queue_full`
   */
  submit(job: Job, options?: SubmitOptions): Promise<Job>
  /** A waiting job that is not to start any more has ended when this resolves: there may be no reaper for long. */
  get(id: JobId): Promise<Job | undefined>
  /** Ids that start or end with `part`. */
  find(part: string): Promise<JobId[]>
  /** Newest first, without `output`. */
  list(query: ListQuery): Promise<Job[]>
  /** The job at the head of the queue that may run now; with `only`, that job or none. */
  claim(claim: ClaimRequest): Promise<Lease | undefined>
  /** Keeps the leases of this process, all at once, and says what has become of each, in their order. */
  renew(leases: readonly Lease[]): Promise<Renewal[]>
  record(lease: Lease, facts: RunFacts): Promise<Job>
  /** Ends the job. A cancel request wins over any outcome. */
  finish(lease: Lease, outcome: Outcome): Promise<Job>
  /** Gives the job back to the head of the queue, its attempt unspent; not to be claimed before `notBefore`. */
  release(lease: Lease, notBefore?: Date): Promise<Job>
  /** Nobody starts a job from the queue before that; a claim for one job is not held up. */
  calm(until: Date): Promise<void>
  /** Queued: cancelled at once. Running: marked for its holder. Ended: unchanged. */
  cancel(id: JobId): Promise<Job>
  /**
   * Takes back what holders that are gone have left: ended if it had an outcome, a cancel request or too many crashes,
   * else queued again. Also ends what waited too long to start. What goes wrong with one job is warned of, leaves that one
   * as it is for the next time, and keeps no other one from it.
   * @param end called before an attempt that was running is taken back: ends its processes where they can be reached
   * @param about called after that, and before anybody sees it, with what becomes of an attempt that had no outcome
   */
  reap(end: (lease: Lease) => Promise<void>, about?: (reaped: Reaped) => Promise<void>): Promise<Reaped[]>
  /**
   * Deletes jobs that ended longer ago than they are kept, with everything that was kept of them, and what submissions have
   * left that nobody completed. One process at a time: none when another one is at it.
   */
  sweep(): Promise<Job[]>
  stats(): Promise<QueueStats>
  /**
   * Every change of every job, without `output`, from when this resolves until the signal aborts. Changes of one job that
   * come faster than they are read may be one.
   */
  watch(signal: AbortSignal): Promise<AsyncIterable<Job>>
  /** This process holds nothing from now on: what it has not ended is anybody's to reap. */
  close(): Promise<void>
}

/** `cancelled`: still held, and its holder is asked to stop. `lost`: somebody else's, or nobody's, from now on. */
export type Renewal = 'held' | 'cancelled' | 'lost'

export interface Reaped {
  /** The attempt that nobody will end any more; its fence is 0 when it had not begun. */
  readonly lease: Lease
  /** The job as it is now. */
  readonly job: Job
}

export interface SubmitOptions {
  /** Nobody but this process claims the job, by `only`, for as long as it lives. */
  readonly hold?: boolean
  /** A job that is not kept yet is refused with `queue_full` when so many wait already. */
  readonly queueLimit?: number
}

export interface QueueStats {
  /** Jobs that wait, and may start now. */
  readonly ready: number
  /** Those that wait for their time. */
  readonly delayed: number
  readonly running: number
  /** Since when the one that is next has waited, RFC 3339, UTC; unset when none may start now. */
  readonly oldestReadyAt?: string
}

export interface ListQuery {
  readonly limit: number
  readonly status?: JobStatus
  /** Only jobs of this conversation. */
  readonly session?: string
  /** Only jobs that were submitted before this one. */
  readonly before?: JobId
}

export interface ClaimRequest {
  readonly podName: string
  readonly only?: JobId
}

/**
 * The copy of every job that survives the store, and the evidence of its attempts. Each attempt writes in a directory of
 * its own, named by its fence; readers take the highest one, so a late writer changes nothing.
 */
export interface Journal {
  /** Keeps a submission; false when the id is already there. */
  create(job: Job): Promise<boolean>
  /** Opens the attempt `job.fence`; false when somebody else has. */
  begin(job: Job): Promise<boolean>
  /** The record as the attempt `job.fence` knows it. */
  update(job: Job): Promise<void>
  /** What the attempt says at its end, before the store is asked to accept it. */
  outcome(job: Job): Promise<void>
  /** What the latest attempt said at its end, if it came so far. */
  readOutcome(id: JobId): Promise<Job | undefined>
  /** The final record takes the submission's place. */
  fold(job: Job): Promise<void>
  read(id: JobId): Promise<Job | undefined>
  /** Somebody has asked to cancel the job while it runs. The first moment stays. */
  requestCancel(id: JobId, at: string): Promise<void>
  /** When that was, RFC 3339, UTC. */
  cancelRequest(id: JobId): Promise<string | undefined>
  /** The record alone, whatever attempts have added: what was submitted, or how it ended. */
  submission(id: JobId): Promise<Job | undefined>
  /** 0 before the first attempt. */
  highestFence(id: JobId): Promise<number>
  /** Newest first. */
  ids(): Promise<JobId[]>
  /** Those that have not ended, as far as anybody has written that down; in no order. */
  active(): Promise<JobId[]>
  /** Everything that is kept of the job; its record last, so that what was begun is found again. */
  remove(id: JobId): Promise<void>
  /** Where the attempt's patch belongs. */
  diffPath(lease: Lease): string
  /** Where commits belong that the attempt's agent left outside its branch. */
  straysPath(lease: Lease): string
  /** Where the conversation of an attempt belongs. */
  sessionPath(attempt: AttemptId): string
}

export interface AttemptId {
  readonly id: JobId
  readonly fence: number
}

/** The servers that share a queue. */
export interface Fleet {
  /** This one lives. @returns whether somebody has told it to drain */
  beat(state: PodState): Promise<{ readonly drain: boolean }>
  pods(): Promise<Pod[]>
}

/** What a server says of itself. */
export interface PodState {
  readonly version: string
  readonly capacity: number
  /** RFC 3339, UTC. */
  readonly startedAt: string
  readonly draining: boolean
}

export interface Pod extends PodState {
  readonly name: string
  readonly bootId: string
  readonly running: number
  /** RFC 3339, UTC. */
  readonly lastHeartbeat: string
}

export interface EventLog {
  /** Resolves when the event is written; events of one lease keep their order. */
  append(lease: Lease, body: JobEventBody): Promise<JobEvent>
  /**
   * All attempts in order. With `follow`, waits for more until `ended` says so. What an earlier attempt still says when a
   * later one has been read from is left out, so that going on after the last id that was read loses and doubles nothing.
   * @throws AgenticoreError `invalid_request` for an `after` that is no id
   */
  read(id: JobId, options?: ReadEvents): AsyncIterable<JobEvent>
}

export interface ReadEvents {
  /** Only what comes after the event of this id. */
  readonly after?: string
  readonly follow?: { ended(): Promise<boolean>; readonly signal: AbortSignal }
}

/** A user of its own for an agent: what runs as that user reaches nothing of ours, and no other job. */
export interface Slot {
  readonly uid: number
  /** What starts a program as that user. */
  readonly setpriv: string
  /** Ends every process of that user. */
  endAll(): Promise<void>
  /** A directory and all in it becomes that user's. */
  give(path: string): Promise<void>
  /** What was given becomes ours again; nothing of that user may run by then. */
  takeBack(path: string): Promise<void>
  /** These places alone, each inside the one before it, are ours while `work` runs. */
  lend<T>(places: readonly string[], work: () => Promise<T>): Promise<T>
  release(): Promise<void>
}

export interface Slots {
  /** Undefined: agents run as we do. */
  acquire(): Promise<Slot | undefined>
}

/** Saves several at once from doing the same work. What must be true is never left to it, but checked where it is written. */
export interface Lock {
  /**
   * Runs `work` while nobody else runs theirs under `key`; all the same when the lock is not to be had within
   * `patienceMs`.
   * @param work its signal aborts when the lock is lost
   */
  withLock<T>(
    key: string,
    options: { readonly signal: AbortSignal; readonly patienceMs: number },
    work: (lost: AbortSignal) => Promise<T>,
  ): Promise<T>
}
