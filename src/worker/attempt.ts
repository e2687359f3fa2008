import type { Agent } from '../jobs/agent.ts'
import { AgenticoreError } from '../jobs/errors.ts'
import type { JobEventBody } from '../jobs/events.ts'
import { failureOf } from '../jobs/failure.ts'
import type { Outcome, RunFacts } from '../jobs/job.ts'
import { type Measures, noMeasures } from '../jobs/measures.ts'
import type { EventLog, JobStore, Journal, Lease } from '../jobs/ports.ts'
import type { Profile } from '../jobs/profile.ts'
import type { PullRequests } from '../jobs/pull-request.ts'
import { noTracing, type Tracing } from '../jobs/tracing.ts'
import type { WorkDone, Workspace } from '../jobs/workspace.ts'
import type { Clock } from '../util/clock.ts'
import { messageOf } from '../util/error-code.ts'
import { type Redact, redactDeep } from '../util/redact.ts'
import { AttemptTrace } from './attempt-trace.ts'
import { Conversation } from './conversation.ts'
import { withCost } from './cost.ts'
import { type DeliveryOptions, type DeliveryParts, deliver, keepChange } from './delivery.ts'
import { LeaseEnded } from './lease-keeper.ts'
import { Place, type PlaceParts } from './place.ts'
import { type TurnsFailure, takeTurns } from './turns.ts'

const deliveryMs = 1_800_000
const keepingMs = 60_000
/** Of an attempt that is handed over: a drain allows 25 s for that and all that follows. */
const keepingInHasteMs = 10_000

export interface AttemptParts extends PlaceParts {
  readonly store: Pick<JobStore, 'record'>
  readonly events: EventLog
  readonly journal: Pick<Journal, 'diffPath' | 'straysPath' | 'sessionPath' | 'highestFence' | 'read'>
  readonly agent: Agent
  readonly pullRequests: PullRequests
  readonly clock: Clock
  readonly redact: Redact
  readonly measures?: Measures
  readonly tracing?: Tracing
  /** A disk that is full, or gone for a while, is waited for, a few times; where somebody waits for the job it fails at once. */
  readonly waitsForStorage: boolean
  warn(message: string): void
}

/** The job itself may be what fills the disk. */
const mostWaitsForStorage = 5

/** How an attempt ends, for the store. */
export type AttemptEnd = { readonly type: 'finish'; readonly outcome: Outcome } | Release

/** What is no fault of the job, and passes. */
export type PutOff = 'model_busy' | 'storage_failed'

export interface Release {
  readonly type: 'release'
  readonly reason: string
  /** Not at once: what was in the way needs time to pass. */
  readonly putOff?: PutOff
  readonly facts: RunFacts
}

/** One attempt: what happens in its place, what it has found out, and how it lets go of all that. */
export class Attempt {
  readonly #parts: AttemptParts
  readonly #lease: Lease
  readonly #signal: AbortSignal
  readonly #place: Place
  readonly #conversation: Conversation
  readonly #measures: Measures
  readonly #trace: AttemptTrace
  readonly #startedMs: number
  #profile: Profile | undefined
  #facts: RunFacts = {}

  constructor(parts: AttemptParts, lease: Lease, signal: AbortSignal) {
    this.#parts = parts
    this.#lease = lease
    this.#signal = signal
    this.#place = new Place(parts, lease)
    this.#conversation = new Conversation(parts, lease, this.#place)
    this.#measures = parts.measures ?? noMeasures
    this.#trace = new AttemptTrace(parts.tracing ?? noTracing, lease, signal)
    this.#startedMs = parts.clock.monotonicMs()
  }

  /** @throws AgenticoreError `stale_lease` when the job is somebody else's by now */
  async run(): Promise<AttemptEnd> {
    const { job } = this.#lease
    try {
      // Nothing is said of a job that may be somebody else's by now.
      this.#signal.throwIfAborted()
      await this.#trace.claim(() => this.emit({ type: 'claimed', podName: job.podName, attempt: job.attempt }))
      const profile = await this.#trace.step('job.prepare', () => this.#prepared())
      const done = this.#place.workspace?.done
      if (done) await this.#find(done)
      else await this.#letAgentWork(profile)
      await this.#deliver({ pullRequest: profile.autoPr ? 'wanted' : 'none' })
      return { type: 'finish', outcome: { status: 'succeeded', facts: this.#finalFacts() } }
    } catch (error) {
      return await this.#endOf(error)
    }
  }

  async #endOf(error: unknown): Promise<AttemptEnd> {
    if (error instanceof AgenticoreError && error.code === 'stale_lease') throw error
    const why: unknown = this.#signal.aborted ? this.#signal.reason : undefined
    if (why instanceof LeaseEnded && why.why === 'lost') {
      throw new AgenticoreError('stale_lease', `Job ${this.#lease.job.id} was taken over by another attempt.`)
    }
    const putOff = this.#putOffFor(error)
    const isOver = !this.#signal.aborted && putOff === undefined
    const isCancelled = why instanceof LeaseEnded && why.why === 'cancelled'
    await this.#keepWork({ isOver: isOver || isCancelled })
    if (isOver || isCancelled) await this.#keepSession()
    const facts = this.#finalFacts()
    if (isCancelled) return { type: 'finish', outcome: { status: 'cancelled', facts } }
    if (isOver) return { type: 'finish', outcome: { status: 'failed', ...failureOf(error), facts } }
    if (putOff === undefined || this.#signal.aborted) return { type: 'release', reason: interruption(why), facts }
    return { type: 'release', reason: messageOf(error), putOff, facts }
  }

  #putOffFor(error: unknown): PutOff | undefined {
    const { errorCode } = failureOf(error)
    if (errorCode === 'model_busy') return 'model_busy'
    const { putOffs = 0 } = this.#lease.job
    const isWaitedFor = this.#parts.waitsForStorage && putOffs < mostWaitsForStorage
    return errorCode === 'storage_failed' && isWaitedFor ? 'storage_failed' : undefined
  }

  /** Every step is taken, whatever the others do; what fails is said, but not to who follows the job: it has ended. */
  async clean(isOver: boolean): Promise<void> {
    const { warn } = this.#parts
    await this.#place.clean(message => warn(`Job ${this.#lease.job.id}: ${message}`), { isOver })
  }

  /** The user is free for another agent. */
  async leave(): Promise<void> {
    await this.#place.leave()
  }

  async emit(event: JobEventBody): Promise<void> {
    if (event.type === 'model_retry') this.#measures.modelRetried(event.status)
    await this.#parts.events.append(this.#lease, event)
  }

  /** For what is said on the way out: a log that cannot be written keeps no job from ending. */
  async tryEmit(event: JobEventBody): Promise<void> {
    try {
      await this.emit(event)
    } catch (error) {
      this.#parts.warn(`The event log of job ${this.#lease.job.id} cannot be written: ${messageOf(error)}`)
    }
  }

  async #warn(message: string): Promise<void> {
    await this.tryEmit({ type: 'warning', message })
  }

  async #prepared(): Promise<Profile> {
    const profile = await this.#resolveProfile()
    await this.#prepare(profile)
    return profile
  }

  async #resolveProfile(): Promise<Profile> {
    const profile = await this.#parts.profiles.resolve(this.#lease.job.profile)
    this.#profile = profile
    for (const message of profile.warnings) await this.emit({ type: 'warning', message })
    return profile
  }

  async #prepare(profile: Profile): Promise<void> {
    const { store, clock } = this.#parts
    const started = clock.monotonicMs()
    const uid = await this.#place.takeSlot()
    // Before anything runs as that user: whoever comes after us knows whom to look for.
    if (uid !== undefined) await store.record(this.#lease, { agentUid: uid })
    await this.#place.open(profile, this.#signal)
    this.#note({ jobConfigDir: this.#place.configDir })
    const { workspace } = this.#place
    if (!workspace) return
    const { branch, baseRef, baseSha, cached, continued, path, warnings } = workspace
    const durationMs = clock.monotonicMs() - started
    this.#measures.workspaceReady(durationMs, cached)
    await this.emit({ type: 'workspace_ready', branch, baseRef, baseSha, cached, continued, durationMs })
    for (const message of warnings) await this.emit({ type: 'warning', message })
    this.#note({ branch, baseSha, worktreePath: path })
  }

  /** The agent's part, to its end; from then on no attempt that finds this tree begins it again. */
  async #letAgentWork(profile: Profile): Promise<void> {
    const { store, clock } = this.#parts
    const failure = await this.#trace.step('job.run', traceparent => this.#work(profile, traceparent), {
      facts: () => this.#facts,
      failed: ended => ended?.code,
    })
    await this.#place.takeBack()
    await this.#keepSession()
    if (failure) throw await this.#failed(failure)
    await store.record(this.#lease, this.#facts)
    await this.#place.workspace?.setDone({ fence: this.#lease.fence, at: clock.now() })
  }

  /** What an earlier attempt found out is in the record. */
  async #find({ fence }: WorkDone): Promise<void> {
    await this.#place.takeBack()
    await this.emit({ type: 'work_found', doneBy: fence })
  }

  /** @returns why the agent's part is not as it should be */
  async #work(profile: Profile, traceparent: string | undefined): Promise<TurnsFailure | undefined> {
    const { store, agent, clock, redact } = this.#parts
    const { job } = this.#lease
    const request = {
      ...(await this.#conversation.request(profile)),
      ...(traceparent === undefined ? {} : { traceparent }),
    }
    this.#note({ sessionId: request.sessionId, resumed: request.resume })
    await agent.prepare(request)
    await this.#place.handOver()
    const started = async (pid: number): Promise<void> => {
      await store.record(this.#lease, { ...this.#facts, pid })
    }
    // At once: what comes after a turn can be cut short.
    const learned = (facts: RunFacts): void => this.#note(redactDeep(withCost(facts, job, this.#facts), redact))
    const emit = (event: JobEventBody): Promise<void> => this.emit(event)
    const [afterSetup, beforeVerify] = [() => this.#afterSetup(), () => this.#beforeVerify()]
    const turns = { agent, clock, signal: this.#signal, emit, started, learned, afterSetup, beforeVerify }
    return await takeTurns(turns, request)
  }

  /** What `setup` makes is nobody's work: alone, it is nothing to deliver. */
  async #afterSetup(): Promise<void> {
    const { workspace } = this.#place
    // In the tree of an earlier attempt there is an agent's work already.
    if (!workspace || workspace.continued) return
    const differs = await this.#place.whileOurs(() => workspace.noteIdle(this.#signal))
    if (!differs) return
    await this.#warn(
      '`setup` has left changes that are not ignored: they are in the branch, too, if the agent changes anything.',
    )
  }

  /** What `verify` makes is nobody's work, either. */
  async #beforeVerify(): Promise<void> {
    const { workspace } = this.#place
    if (workspace) await this.#place.whileOurs(() => workspace.noteWork(this.#signal))
  }

  async #keepSession(): Promise<void> {
    const { sessionId } = this.#facts
    if (sessionId === undefined) return
    try {
      await this.#place.takeBack()
      await this.#conversation.keep(sessionId)
    } catch (error) {
      await this.#warn(`The conversation could not be kept: ${messageOf(error)}`)
    }
  }

  /** What was checked and found wanting is delivered all the same, for somebody to look at; not as a pull request. */
  async #failed({ code, message }: TurnsFailure): Promise<AgenticoreError> {
    if (code !== 'verify_failed') return new AgenticoreError(code, message)
    try {
      // One that is open already gets these commits, whether it wants them or not: then it says so.
      await this.#deliver({
        pullRequest: this.#profile?.autoPr ? 'if open' : 'none',
        failure: this.#parts.redact(message),
      })
      return new AgenticoreError(code, message)
    } catch (error) {
      this.#signal.throwIfAborted()
      return new AgenticoreError(code, `${message}\n(The branch was not pushed: ${messageOf(error)})`)
    }
  }

  /** A tree can be made to hold git up, such as by a pipe for it to read; it is not to hold the job up. */
  async #deliver(how: Omit<DeliveryOptions, 'run'>): Promise<void> {
    const { workspace } = this.#place
    if (!workspace) return
    const late = new AgenticoreError('git_failed', `Committing and pushing took more than ${deliveryMs / 1000} s.`)
    const delivering = (): Promise<void> =>
      this.#within(deliveryMs, late, async deadline => {
        const signal = AbortSignal.any([this.#signal, deadline])
        await deliver(this.#delivery(workspace, signal), { run: this.#facts, ...how })
      })
    await this.#trace.step('job.deliver', delivering)
  }

  /**
   * What the agent did before it failed or was stopped: a patch, and, when the job is over and its profile says so, a
   * branch. The attempt's own error is the one that counts.
   */
  async #keepWork({ isOver }: { isOver: boolean }): Promise<void> {
    const { workspace } = this.#place
    const { headSha, changedFiles } = this.#facts
    if (!workspace || headSha !== undefined || changedFiles === 0) return
    const limitMs = isOver ? keepingMs : keepingInHasteMs
    const late = new Error(`it took more than ${limitMs / 1000} s`)
    try {
      await this.#place.takeBack()
      await this.#within(limitMs, late, async deadline => {
        const delivery = this.#delivery(workspace, deadline)
        if (!isOver || this.#profile?.pushOnFailure !== true) return await keepChange(delivery)
        await deliver(delivery, { run: this.#facts, pullRequest: 'none' })
      })
    } catch (error) {
      await this.#warn(`The changes could not be kept: ${messageOf(error)}`)
    }
  }

  async #within(ms: number, late: Error, work: (deadline: AbortSignal) => Promise<void>): Promise<void> {
    const deadline = this.#parts.clock.deadline(ms, late)
    try {
      await work(deadline.signal)
    } finally {
      deadline.stop()
    }
  }

  #delivery(workspace: Workspace, signal: AbortSignal): DeliveryParts {
    const { pullRequests, journal, clock, redact } = this.#parts
    return {
      job: redactDeep(this.#lease.job, redact),
      done: workspace.done ?? { fence: this.#lease.fence, at: clock.now() },
      workspace,
      pullRequests,
      draft: this.#profile?.draft ?? false,
      labels: this.#profile?.labels ?? [],
      diffPath: journal.diffPath(this.#lease),
      straysPath: journal.straysPath(this.#lease),
      signal,
      emit: event => this.emit(event),
      beforePush: sha => this.#beforePush(sha),
      note: facts => this.#note(facts),
    }
  }

  async #beforePush(sha: string): Promise<void> {
    const { store, redact } = this.#parts
    this.#note({ pushed: [...new Set([...(this.#lease.job.pushed ?? []), sha])] })
    await store.record(this.#lease, redactDeep(this.#facts, redact))
  }

  #note(facts: RunFacts): void {
    this.#facts = { ...this.#facts, ...facts }
  }

  #finalFacts(): RunFacts {
    const { clock } = this.#parts
    const durationMs = Math.round(clock.monotonicMs() - this.#startedMs)
    return { ...this.#facts, durationMs, lastActivity: clock.now().toISOString() }
  }
}

const interruption = (why: unknown): string => (why instanceof LeaseEnded ? why.message : 'interrupted')
