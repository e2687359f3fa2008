import type { Agent, AgentOptions, AgentRequest, AgentResult, SessionPlace, ShellResult } from '../jobs/agent.ts'
import { AgenticoreError } from '../jobs/errors.ts'
import type { AgentEvent, AgentVerdict } from '../jobs/events.ts'
import type { RunFacts } from '../jobs/job.ts'
import type { Slot } from '../jobs/ports.ts'
import { type CommandResult, runCommand } from '../process/command.ts'
import { type StreamedProcess, startStreamed } from '../process/stream.ts'
import { sweepMarked } from '../process/sweep.ts'
import { which } from '../process/which.ts'
import type { Clock } from '../util/clock.ts'
import { isUuid } from '../util/ids.ts'
import type { Redact } from '../util/redact.ts'
import { accessFor, type ModelCredentials } from './credentials.ts'
import { parseAgentLine } from './events.ts'
import { agentFiles, configOf, prepareFiles } from './files.ts'
import { type AgentHost, agentArguments, agentEnvironment } from './invocation.ts'
import { runShell } from './shell.ts'
import { type AgentTelemetry, telemetryEnvironment } from './telemetry.ts'
import { copyTranscript, transcriptOf, transcriptPlace } from './transcript.ts'
import { judge } from './verdict.ts'
import { isOlder, oldestClaude, parseVersion } from './version.ts'
import { defaultLimits, type WatchdogLimits, Watchdogs } from './watchdogs.ts'

const lineLimit = 8 * 1024 * 1024
const patienceMs = 10_000
const versionMs = 30_000

export interface ClaudeParts {
  readonly binary: string
  readonly credentials: ModelCredentials
  readonly host: AgentHost
  readonly timeoutSeconds: number
  readonly clock: Clock
  readonly limits?: WatchdogLimits
  /** From SIGTERM to SIGKILL, if not 10 s. */
  readonly killAfterMs?: number
  /** It may not be more than that. */
  readonly mostKillAfterMs?: number
  /** Before anything is cut: half a secret would not be known for one. */
  readonly redact: Redact
  /** Where it is to send figures and logs of its own; nowhere. */
  readonly telemetry?: AgentTelemetry
}

/** Claude Code, run without a terminal: one process a run, everything it writes in the run's own scratch directory. */
export class Claude implements Agent {
  readonly #parts: ClaudeParts

  constructor(parts: ClaudeParts) {
    this.#parts = parts
  }

  async preflight(): Promise<void> {
    accessFor(this.#parts.credentials)
    await this.#find()
  }

  async check(signal: AbortSignal, slot?: Slot): Promise<string> {
    accessFor(this.#parts.credentials)
    const file = await this.#find()
    const { stdout, stderr } = await this.#askVersion(file, signal, slot)
    const version = parseVersion(stdout)
    if (version === undefined) {
      throw new AgenticoreError(
        'claude_missing',
        `${file} --version does not print a version: ${(stdout + stderr).slice(0, 200)}`,
      )
    }
    if (!isOlder(version, oldestClaude)) return version
    throw new AgenticoreError('claude_too_old', `${file} is version ${version}; ${oldestClaude} or newer is needed.`)
  }

  async prepare(request: AgentRequest): Promise<void> {
    await prepareFiles(request)
  }

  async run(request: AgentRequest, options: AgentOptions): Promise<AgentResult> {
    const { clock, limits = defaultLimits } = this.#parts
    const file = await this.#find()
    const watchdogs = new Watchdogs(clock, limits, this.#seconds(request))
    const broken = new AbortController()
    const signal = AbortSignal.any([options.signal, watchdogs.signal, broken.signal])
    let child: StreamedProcess | undefined
    try {
      child = this.#start(file, request, { signal, watchdogs })
      // Whatever else is waited for meanwhile: the next attempt counts on it.
      const swept = child.exited.then(() => {
        // What it left running may hold its output open; that is not the agent hanging.
        watchdogs.stop()
        return endLeftovers(request)
      })
      // Awaited when all that it said is read.
      swept.catch(() => undefined)
      if (child.pid !== undefined) await options.onStart(child.pid)
      return await follow({ child, watchdogs, swept, redact: this.#parts.redact }, { ...options, signal })
    } catch (error) {
      // Nobody is listening any more (a full disk, a lost lease): then nobody works on, either.
      broken.abort(error)
      await child?.ended
      await endLeftovers(request)
      throw error
    } finally {
      watchdogs.stop()
    }
  }

  async runShell(command: string, request: AgentRequest, signal: AbortSignal): Promise<ShellResult> {
    const { clock, host } = this.#parts
    const env = agentEnvironment(request, agentFiles(request), host)
    try {
      return await runShell({
        command,
        env,
        cwd: request.cwd,
        user: request.slot,
        seconds: this.#seconds(request),
        clock,
        signal,
      })
    } finally {
      await endLeftovers(request)
    }
  }

  async canResume(scratch: string, sessionId: string): Promise<boolean> {
    return (await transcriptOf(configOf(scratch), sessionId)) !== undefined
  }

  async keepSession(path: string, { scratch, sessionId }: SessionPlace): Promise<void> {
    const transcript = await transcriptOf(configOf(scratch), sessionId)
    if (transcript !== undefined) await copyTranscript(transcript, path, this.#parts.redact)
  }

  async restoreSession(path: string, { scratch, cwd, sessionId }: SessionPlace & { cwd: string }): Promise<boolean> {
    return await copyTranscript(path, transcriptPlace(configOf(scratch), cwd, sessionId))
  }

  async #askVersion(file: string, signal: AbortSignal, user: Slot | undefined): Promise<CommandResult> {
    const { clock, host } = this.#parts
    const late = new AgenticoreError('claude_missing', `${file} --version did not answer within ${versionMs / 1000} s.`)
    const deadline = clock.deadline(versionMs, late)
    try {
      const both = AbortSignal.any([signal, deadline.signal])
      const command = { file, args: ['--version'], env: { PATH: host.path }, signal: both }
      return await runCommand(user ? { ...command, user } : command)
    } finally {
      deadline.stop()
    }
  }

  #start(file: string, request: AgentRequest, { signal, watchdogs }: StartParts): StreamedProcess {
    const { credentials, host, telemetry, killAfterMs = patienceMs, mostKillAfterMs = killAfterMs } = this.#parts
    const access = accessFor(credentials)
    const files = agentFiles(request)
    return startStreamed({
      file,
      args: agentArguments(request, files),
      ...(request.slot ? { user: request.slot } : {}),
      env: { ...agentEnvironment(request, files, host), ...telemetryEnvironment(telemetry), ...access.env },
      cwd: request.cwd,
      input: request.prompt,
      descriptors: access.descriptors,
      maxLineBytes: lineLimit,
      onOutput: () => watchdogs.heard({ isTurn: false }),
      killAfterMs: Math.min(killAfterMs, mostKillAfterMs),
      signal,
    })
  }

  #seconds({ job, profile }: AgentRequest): number {
    return job.timeoutSeconds ?? profile.claude.timeoutSeconds ?? this.#parts.timeoutSeconds
  }

  async #find(): Promise<string> {
    const { binary, host } = this.#parts
    const file = await which(binary, host.path)
    if (file === undefined)
      throw new AgenticoreError('claude_missing', `The Claude Code CLI "${binary}" was not found.`)
    return file
  }
}

interface StartParts {
  readonly signal: AbortSignal
  readonly watchdogs: Watchdogs
}

interface Run {
  readonly child: StreamedProcess
  readonly watchdogs: Watchdogs
  /** Nothing of it is left. */
  readonly swept: Promise<void>
  readonly redact: Redact
}

/** Reads the events to the end, then makes sure that nothing of the run is left. */
async function follow(run: Run, options: AgentOptions): Promise<AgentResult> {
  const { child, swept } = run
  const { verdict, facts } = await readEvents(run, options)
  const ended = await child.ended
  await swept
  const stopped: unknown = options.signal.aborted ? options.signal.reason : undefined
  const failure = judge(ended, verdict, stopped)
  const exit = ended.exitCode === undefined ? {} : { exitCode: ended.exitCode }
  return { ...(failure ? { failure } : {}), facts: { ...facts, ...exit, ...(verdict ? factsOf(verdict) : {}) } }
}

/** What the agent started and did not end. */
async function endLeftovers({ marker, slot }: AgentRequest): Promise<void> {
  await Promise.all([sweepMarked(marker), slot?.endAll()])
}

async function readEvents({ child, watchdogs, redact }: Run, options: AgentOptions): Promise<Heard> {
  let heard: Heard = { verdict: undefined, facts: {} }
  for await (const line of child.lines) {
    if ('droppedBytes' in line) {
      await options.onEvent({ type: 'agent_other', name: `a line of ${line.droppedBytes} characters, dropped` })
      continue
    }
    for (const event of parseAgentLine(redact(line.text)) ?? []) {
      heard = after(heard, event)
      if (event.type === 'agent_result') watchdogs.heardResult()
      else watchdogs.heard({ isTurn: event.type !== 'agent_other' })
      await options.onEvent(event)
    }
  }
  return heard
}

interface Heard {
  readonly verdict: AgentVerdict | undefined
  readonly facts: RunFacts
}

/** Only a turn has these. */
const turnEvents: ReadonlySet<AgentEvent['type']> = new Set(['message', 'thinking', 'tool_call', 'tool_result'])

function after(heard: Heard, event: AgentEvent): Heard {
  if (event.type === 'agent_result') return { ...heard, verdict: event }
  if (event.type === 'agent_started') {
    return { ...heard, facts: { modelUsed: event.model, claudeVersion: event.claudeVersion } }
  }
  // Another turn has begun: what was said before it is not the end.
  return turnEvents.has(event.type) ? { ...heard, verdict: undefined } : heard
}

function factsOf(verdict: AgentVerdict): RunFacts {
  return {
    output: verdict.text,
    outputTruncated: verdict.truncated,
    numTurns: verdict.numTurns,
    totalCostUsd: verdict.totalCostUsd,
    usage: verdict.usage,
    // It becomes the name of a file, and what an agent prints is not ours.
    ...(isUuid(verdict.sessionId) ? { sessionId: verdict.sessionId } : {}),
  }
}
