import type { ErrorCode } from './errors.ts'
import type { AgentEvent } from './events.ts'
import type { Job, RunFacts } from './job.ts'
import type { Slot } from './ports.ts'
import type { Profile } from './profile.ts'

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
  /** W3C: the span the run belongs under. */
  readonly traceparent?: string
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
