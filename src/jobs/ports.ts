import type { ErrorCode } from './errors.ts'
import type { AgentEvent, JobEvent, JobEventBody } from './events.ts'
import type { Job, JobId, JobStatus, Outcome, RunFacts } from './job.ts'
import type { CheckoutWishes, Profile } from './profile.ts'

/** The right to write one attempt of one job. Every write after the claim carries it; an older fence is refused. */
export interface Lease {
  readonly job: Job
  readonly fence: number
}

/**
 * Where jobs wait, are claimed, and are found again. Deliberately not in here: connections, transactions, retries, HTTP.
 * Every mutation is durable when its promise resolves, and refused with `stale_lease` when the lease is not the latest.
 */
export interface JobStore {
  /**
   * The job is kept, queued behind those that were submitted before it. Replaying it changes nothing.
   * @returns the job that is kept: under an idempotency key that was used before, the job of that time
   * @throws AgenticoreError `idempotency_conflict` when that one asked for something else
   */
  submit(job: Job): Promise<Job>
  /** A waiting job that is not to start any more has ended when this resolves: there may be no reaper for long. */
  get(id: JobId): Promise<Job | undefined>
  /** Ids that start or end with `part`. */
  find(part: string): Promise<JobId[]>
  /** Newest first, without `output`. */
  list(query: ListQuery): Promise<Job[]>
  /** The job at the head of the queue that may run now; with `only`, that job or none. */
  claim(claim: ClaimRequest): Promise<Lease | undefined>
  /** Keeps the lease, and says what was asked of its holder in the meantime. */
  renew(lease: Lease): Promise<Renewal>
  record(lease: Lease, facts: RunFacts): Promise<Job>
  /** Ends the job. A cancel request wins over any outcome. */
  finish(lease: Lease, outcome: Outcome): Promise<Job>
  /** Gives the job back to the head of the queue, its attempt unspent; not to be claimed before `notBefore`. */
  release(lease: Lease, notBefore?: Date): Promise<Job>
  /** Queued: cancelled at once. Running: marked for its holder. Ended: unchanged. */
  cancel(id: JobId): Promise<Job>
  /**
   * Takes back what holders that are gone have left: ended if it had an outcome, a cancel request or too many crashes,
   * else queued again. Also ends what waited too long to start. What goes wrong with one job is warned of, leaves that one
   * as it is for the next time, and keeps no other one from it.
   * @param end called before an attempt that was running is taken back: ends its processes where they can be reached
   */
  reap(end: (lease: Lease) => Promise<void>): Promise<Reaped[]>
  /**
   * Deletes jobs that ended longer ago than they are kept, with everything that was kept of them, and what submissions have
   * left that nobody completed. One process at a time: none when another one is at it.
   */
  sweep(): Promise<Job[]>
  /** This process holds nothing from now on: what it has not ended is anybody's to reap. */
  close(): Promise<void>
}

export interface Renewal {
  readonly cancelRequested: boolean
}

export interface Reaped {
  /** The attempt that nobody will end any more; its fence is 0 when it had not begun. */
  readonly lease: Lease
  /** The job as it is now. */
  readonly job: Job
}

export interface ListQuery {
  readonly limit: number
  readonly status?: JobStatus
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
  /** The record alone, whatever attempts have added: what was submitted, or how it ended. */
  submission(id: JobId): Promise<Job | undefined>
  /** 0 before the first attempt. */
  highestFence(id: JobId): Promise<number>
  /** Newest first. */
  ids(): Promise<JobId[]>
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

export interface EventLog {
  /** Resolves when the event is written; events of one lease keep their order. */
  append(lease: Lease, body: JobEventBody): Promise<JobEvent>
  /** All attempts in order. With `follow`, waits for more until `ended` says so. */
  read(id: JobId, options?: ReadEvents): AsyncIterable<JobEvent>
}

export interface ReadEvents {
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

/** Checked-out repositories for jobs to work in. */
export interface Workspaces {
  /**
   * The tree of an earlier attempt where it is still there and whole, else a new one.
   * @throws AgenticoreError `origin_*`, `repository_empty`, `ref_not_found`, `git_failed`
   */
  open(lease: Lease, options: OpenWorkspace): Promise<Workspace>
  /** Removes what an earlier attempt has left of a tree that could not be opened. */
  forget(lease: Lease, slot: Slot | undefined): Promise<void>
}

export interface OpenWorkspace {
  readonly signal: AbortSignal
  /** Whose tree it becomes. */
  readonly slot?: Slot | undefined
  readonly checkout: CheckoutWishes
}

/** One job's tree. The agent may do what it likes in it; nothing here runs git with the tree's configuration. */
export interface Workspace {
  readonly path: string
  readonly branch: string
  /** The branch a pull request goes to. */
  readonly baseBranch: string
  readonly baseRef: string
  readonly baseSha: string
  readonly cached: boolean
  /** True when this is the tree of an earlier attempt, with what was done in it. */
  readonly continued: boolean
  /** True when the job goes on with a conversation, and its branch, with what that brought about, is not to be had. */
  readonly lacksEarlierWork: boolean
  /** What somebody who looks at the tree should know, such as files that are not there. */
  readonly warnings: readonly string[]
  /** That the agent has done its part in this tree: what is left is delivery, this attempt's or a later one's. */
  readonly done: WorkDone | undefined
  setDone(done: WorkDone): Promise<void>
  /** From now on a tree like this one is one in which nobody has done anything. @returns whether it differs from the base */
  noteIdle(signal: AbortSignal): Promise<boolean>
  /** If nobody has done anything up to now, nothing that comes later is work: `commit` finds none. */
  noteWork(signal: AbortSignal): Promise<void>
  /** Everything the agent did, committed or not, as one commit to push; undefined when nothing differs from the base. */
  commit(message: CommitMessage, signal: AbortSignal): Promise<Change | undefined>
  /**
   * Commits the agent left outside the branch (on branches of its own, stashed), kept as a git bundle with refs `refs/left/*`.
   * After `commit`.
   * @returns their names; empty, and nothing written, when there are none
   */
  keepStrays(change: Change | undefined, path: string, signal: AbortSignal): Promise<string[]>
  /** @throws AgenticoreError `push_denied`, `push_rejected`, `origin_*` */
  push(change: Change, signal: AbortSignal): Promise<Pushed>
  /** The difference to the base as a patch, written to `path`; @returns the same file by file */
  saveDiff(change: Change, path: string): Promise<ChangedFile[]>
  dispose(): Promise<void>
}

/** By which attempt the work was done, and when. */
export interface WorkDone {
  readonly fence: number
  readonly at: Date
}

/** The same work with the same message is the same commit. */
export interface CommitMessage {
  readonly subject: string
  readonly trailer: string
  readonly at: Date
}

export interface Change {
  readonly sha: string
  /** What git said of files it could not read; they are not in the change. */
  readonly unread: readonly string[]
}

export interface ChangedFile {
  readonly path: string
  /** Undefined for binary files. */
  readonly added?: number
  readonly removed?: number
  /** A repository in the repository: the change has only the commit it is at, none of its files. */
  readonly isRepository?: true
}

export interface Pushed {
  /** What the host says to do next, such as the address that opens a pull request; empty when it says nothing. */
  readonly hint: string
}

export interface PullRequests {
  /** True when the host of the repository is one this can open pull requests on. */
  serves(repoUrl: string): boolean
  /**
   * Opens one, or finds the one that is open from that branch; labels it, and comments on one that somebody else or an
   * earlier attempt opened. Repeated, it changes nothing. May take minutes where the host asks to wait.
   * @param onWait told why, and for how long, before each wait
   * @throws Error whose message says what the host holds against it and what to do; never once it is open
   */
  open(request: PullRequest, signal: AbortSignal, onWait?: OnWait): Promise<OpenedPullRequest>
  /** As `open`, for one that is open: undefined when none is. */
  update(request: PullRequest, signal: AbortSignal, onWait?: OnWait): Promise<OpenedPullRequest | undefined>
}

export type OnWait = (reason: string, waitMs: number) => Promise<void>

export interface OpenedPullRequest {
  readonly url: string
  /** What of the request was not done: no draft, no labels, no comment. */
  readonly warnings: readonly string[]
}

export interface PullRequest {
  readonly job: Job
  readonly head: string
  readonly base: string
  readonly summary: string
  readonly files: readonly ChangedFile[]
  /** Where the repository takes no drafts, it is opened as an ordinary one. */
  readonly draft: boolean
  /** Added to those it has. */
  readonly labels: readonly string[]
  /** What to say on a pull request that was open before this attempt, once for each `doneBy`. */
  readonly comment?: string
  /** The attempt that did the work. */
  readonly doneBy: number
}

export interface Agent {
  /** What can be told without starting anything. @throws AgenticoreError `claude_missing`, `no_model_credentials` */
  preflight(): Promise<void>
  /** What has to hold before a run. @returns its version @throws AgenticoreError as `preflight`, and `claude_too_old` */
  check(signal: AbortSignal, slot?: Slot): Promise<string>
  /** Whether the conversation of an earlier attempt is there to go on with. */
  canResume(scratch: string, sessionId: string): Promise<boolean>
  /** Lays out what the agent finds when it starts; by the time of a run it has to be the agent's user's. */
  prepare(request: AgentRequest): Promise<void>
  /**
   * Runs a shell command of the profile where the agent works, as the agent's user, with the agent's environment but none
   * of its credentials.
   */
  runShell(command: string, request: AgentRequest, signal: AbortSignal): Promise<ShellResult>
  /** Copies the conversation to `path`, without secrets; nothing when there is none. */
  keepSession(path: string, session: SessionPlace): Promise<void>
  /** Puts a kept conversation where a run in `cwd` goes on with it. @returns false when it is not there */
  restoreSession(path: string, session: SessionPlace & { readonly cwd: string }): Promise<boolean>
  /** Never rejects for what the agent does: one result shape for success and failure. */
  run(request: AgentRequest, options: AgentOptions): Promise<AgentResult>
}

export interface AgentRequest {
  readonly job: Job
  readonly profile: Profile
  /** Where the profile was materialised. */
  readonly configDir: string
  readonly cwd: string
  readonly prompt: string
  /** What the agent is told about where it is, beside the prompt. */
  readonly briefing: string
  readonly sessionId: string
  /** Whether to go on with that session instead of beginning it. */
  readonly resume: boolean
  /** The user to run as, if not as we do. */
  readonly slot?: Slot
  /** Identifies every process of this attempt. */
  readonly marker: string
  /** Gone with the attempt: the agent's HOME, configuration and temporary files. */
  readonly scratch: string
}

export interface AgentOptions {
  readonly signal: AbortSignal
  /** Awaited before the next event is read, so that a slow disk slows the agent instead of filling the memory. */
  onEvent(event: AgentEvent): Promise<void>
  onStart(pid: number): Promise<void>
}

export interface SessionPlace {
  readonly scratch: string
  readonly sessionId: string
}

export interface ShellResult {
  readonly ok: boolean
  /** How it ended, in words: `exit code 1`, `it took more than 3600 s`. */
  readonly end: string
  /** The last of what it printed, standard error included; at most 64 KiB. */
  readonly output: string
}

export interface AgentResult {
  readonly failure?: { readonly code: ErrorCode; readonly message: string }
  readonly facts: RunFacts
}
