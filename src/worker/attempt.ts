import { join } from 'node:path'
import { AgenticoreError } from '../jobs/errors.ts'
import type { JobEventBody } from '../jobs/events.ts'
import type { Outcome, RunFacts } from '../jobs/job.ts'
import type {
  Agent,
  AgentRequest,
  AgentResult,
  EventLog,
  JobStore,
  Journal,
  Lease,
  PullRequests,
  Slot,
  Slots,
  Workspace,
  Workspaces,
} from '../jobs/ports.ts'
import type { Clock } from '../util/clock.ts'
import { messageOf } from '../util/error-code.ts'
import { ownDirectory } from '../util/own-directory.ts'
import { type Redact, redactDeep } from '../util/redact.ts'
import { removeTree } from '../util/remove-tree.ts'
import { type Beginning, briefing, promptFor } from './briefing.ts'
import { type DeliveryParts, deliver, keepChange } from './delivery.ts'
import { failureOf } from './failure.ts'
import { LeaseEnded } from './lease-keeper.ts'

const deliveryMs = 1_800_000
const keepingMs = 60_000

export interface AttemptParts {
  readonly store: Pick<JobStore, 'record'>
  readonly events: EventLog
  readonly journal: Pick<Journal, 'diffPath'>
  readonly workspaces: Workspaces
  readonly slots: Slots
  readonly agent: Agent
  readonly pullRequests: PullRequests
  readonly clock: Clock
  readonly redact: Redact
  warn(message: string): void
  /** Holds what an agent needs while it runs; local disk. */
  readonly scratchRoot: string
  /** Holds the working directories of jobs without a repository. */
  readonly jobFilesRoot: string
}

/** How an attempt ends, for the store. */
export type AttemptEnd =
  | { readonly type: 'finish'; readonly outcome: Outcome }
  /** `later`: not at once, because what was in the way needs time to pass. */
  | { readonly type: 'release'; readonly reason: string; readonly later: boolean; readonly facts: RunFacts }

/** One attempt: what it has taken (tree, user, scratch), what it has found out, and how it lets go of all that. */
export class Attempt {
  readonly #parts: AttemptParts
  readonly #lease: Lease
  readonly #signal: AbortSignal
  readonly #scratch: string
  readonly #startedMs: number
  #workspace: Workspace | undefined
  #slot: Slot | undefined
  #facts: RunFacts = {}

  constructor(parts: AttemptParts, lease: Lease, signal: AbortSignal) {
    this.#parts = parts
    this.#lease = lease
    this.#signal = signal
    this.#scratch = join(parts.scratchRoot, lease.job.id)
    this.#startedMs = parts.clock.monotonicMs()
  }

  /** @throws AgenticoreError `stale_lease` when the job is somebody else's by now */
  async run(): Promise<AttemptEnd> {
    const { job } = this.#lease
    try {
      await this.emit({ type: 'claimed', podName: job.podName, attempt: job.attempt })
      await this.#takeSlot()
      const cwd = await this.#prepare()
      const { failure, facts } = await this.#runAgent(cwd)
      await this.#takeBack()
      this.#note(redactDeep(facts, this.#parts.redact))
      if (failure) throw new AgenticoreError(failure.code, failure.message)
      if (this.#workspace) await this.#deliver(this.#workspace)
      return { type: 'finish', outcome: { status: 'succeeded', facts: this.#finalFacts() } }
    } catch (error) {
      return await this.#endOf(error)
    }
  }

  async #endOf(error: unknown): Promise<AttemptEnd> {
    const why: unknown = this.#signal.aborted ? this.#signal.reason : undefined
    if (why instanceof LeaseEnded && why.why === 'lost') {
      throw new AgenticoreError('stale_lease', `Job ${this.#lease.job.id} was taken over by another attempt.`)
    }
    await this.#keepWork()
    if (why instanceof LeaseEnded) {
      return { type: 'finish', outcome: { status: 'cancelled', facts: this.#finalFacts() } }
    }
    const facts = this.#finalFacts()
    if (this.#signal.aborted) return { type: 'release', reason: 'interrupted', later: false, facts }
    if (error instanceof AgenticoreError && error.code === 'model_busy') {
      return { type: 'release', reason: error.message, later: true, facts }
    }
    return { type: 'finish', outcome: { status: 'failed', ...failureOf(error), facts } }
  }

  /** Every step is taken, whatever the others do; what fails is said in the log. */
  async clean(): Promise<void> {
    const steps = [
      async () => await this.#takeBack(),
      async () => await this.#workspace?.dispose(),
      () => removeTree(this.#scratch),
    ]
    for (const step of steps) {
      await step().catch((error: unknown) => this.#warn(`Clean-up: ${messageOf(error)}`))
    }
  }

  /** The user is free for another agent. */
  async leave(): Promise<void> {
    await this.#slot?.release()
  }

  async emit(event: JobEventBody): Promise<void> {
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

  /** Recorded before anything runs as that user: whoever comes after us knows whom to look for. */
  async #takeSlot(): Promise<void> {
    const { slots, store } = this.#parts
    this.#slot = await slots.acquire()
    if (this.#slot) await store.record(this.#lease, { agentUid: this.#slot.uid })
  }

  /** The directory the agent starts in. */
  async #prepare(): Promise<string> {
    const { agent, workspaces, clock, jobFilesRoot } = this.#parts
    const { job } = this.#lease
    const started = clock.monotonicMs()
    const opening = job.repoUrl === '' ? undefined : workspaces.open(this.#lease, this.#signal, this.#slot)
    // Side by side: the check of claude costs as much as the answer of the origin. Both are waited for, so that a tree
    // that was opened is known when the check fails.
    const [checked, opened] = await Promise.allSettled([agent.check(this.#signal, this.#slot), opening])
    if (opened.status === 'fulfilled') this.#workspace = opened.value
    if (checked.status === 'rejected') throw checked.reason
    if (opened.status === 'rejected') throw opened.reason
    const workspace = opened.value
    if (!workspace) return await this.#jobDirectory(jobFilesRoot)
    const { branch, baseRef, baseSha, cached, continued, path } = workspace
    await this.emit({
      type: 'workspace_ready',
      branch,
      baseRef,
      baseSha,
      cached,
      continued,
      durationMs: clock.monotonicMs() - started,
    })
    this.#note({ branch, baseSha, worktreePath: path })
    return path
  }

  async #jobDirectory(root: string): Promise<string> {
    const directory = join(root, this.#lease.job.id)
    await ownDirectory(root, 0o711)
    await this.#slot?.takeBack(directory)
    await ownDirectory(directory, 0o700)
    await this.#slot?.give(directory)
    this.#note({ jobConfigDir: directory })
    return directory
  }

  async #runAgent(cwd: string): Promise<AgentResult> {
    const { store, agent } = this.#parts
    const { job, fence } = this.#lease
    const beginning = await this.#beginning()
    const resumed = beginning === 'resumed'
    const sessionId = resumed && job.sessionId !== undefined ? job.sessionId : crypto.randomUUID()
    this.#note({ sessionId, resumed })
    const request: AgentRequest = {
      job,
      cwd,
      prompt: promptFor(job, beginning),
      briefing: briefing(this.#workspace),
      sessionId,
      resume: resumed,
      ...(this.#slot ? { slot: this.#slot } : {}),
      marker: `${job.id}/${fence}`,
      scratch: this.#scratch,
    }
    return await agent.run(request, {
      signal: this.#signal,
      onStart: async pid => {
        await store.record(this.#lease, { ...this.#facts, pid })
      },
      onEvent: event => this.emit(event),
    })
  }

  /** What the agent's user had is ours again; nothing of that user runs any more. */
  async #takeBack(): Promise<void> {
    const places = [this.#workspace?.path, this.#facts.jobConfigDir, this.#scratch]
    for (const place of places) if (place !== undefined) await this.#slot?.takeBack(place)
  }

  /** A conversation is about the tree it happened in: without that one it is no use. */
  async #beginning(): Promise<Beginning> {
    const { agent } = this.#parts
    const { job } = this.#lease
    await this.#slot?.takeBack(this.#scratch)
    const sameTree = this.#workspace ? this.#workspace.continued : job.sessionId !== undefined
    if (sameTree && job.sessionId !== undefined && (await agent.canResume(this.#scratch, job.sessionId)))
      return 'resumed'
    await removeTree(this.#scratch)
    return this.#workspace?.continued ? 'in a used tree' : 'new'
  }

  /** A tree can be made to hold git up, such as by a pipe for it to read; it is not to hold the job up. */
  async #deliver(workspace: Workspace): Promise<void> {
    const late = new AgenticoreError('git_failed', `Committing and pushing took more than ${deliveryMs / 1000} s.`)
    await this.#within(deliveryMs, late, async deadline => {
      await deliver(this.#delivery(workspace, AbortSignal.any([this.#signal, deadline])), this.#facts)
    })
  }

  /** What the agent did before it failed or was stopped, as a patch; the attempt's own error is the one that counts. */
  async #keepWork(): Promise<void> {
    const workspace = this.#workspace
    if (!workspace || this.#facts.headSha !== undefined || this.#facts.changedFiles !== undefined) return
    const late = new Error(`it took more than ${keepingMs / 1000} s`)
    try {
      await this.#takeBack()
      await this.#within(keepingMs, late, deadline => keepChange(this.#delivery(workspace, deadline)))
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
    const { pullRequests, journal, redact } = this.#parts
    return {
      lease: { ...this.#lease, job: redactDeep(this.#lease.job, redact) },
      workspace,
      pullRequests,
      diffPath: journal.diffPath(this.#lease),
      signal,
      emit: event => this.emit(event),
      note: facts => this.#note(facts),
    }
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
