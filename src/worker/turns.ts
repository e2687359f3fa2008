import type { Agent, AgentRequest, AgentResult, ShellResult } from '../jobs/agent.ts'
import { AgenticoreError, type ErrorCode } from '../jobs/errors.ts'
import type { JobEventBody } from '../jobs/events.ts'
import type { RunFacts, Usage } from '../jobs/job.ts'
import type { Clock } from '../util/clock.ts'
import { promptToMend } from './briefing.ts'
import { withinLimits } from './limits.ts'

export interface TurnsParts {
  readonly agent: Agent
  readonly clock: Clock
  readonly signal: AbortSignal
  emit(event: JobEventBody): Promise<void>
  /** The profile's `setup` is done. */
  afterSetup(): Promise<void>
  /** The agent's turn is over, and the profile's `verify` is next. */
  beforeVerify(): Promise<void>
  /** What all turns so far have brought. */
  learned(facts: RunFacts): void
  /** The agent has started; what is known is to be recorded. */
  started(pid: number): Promise<void>
}

export interface TurnsFailure {
  readonly code: ErrorCode
  readonly message: string
}

const longestShown = 4096

/**
 * The agent's part of an attempt: `setup`, the task, then `verify`, and as long as that fails one more turn of the same
 * conversation with what it printed.
 * @returns why it is not as it should be
 * @throws AgenticoreError `setup_failed`
 */
export async function takeTurns(parts: TurnsParts, request: AgentRequest): Promise<TurnsFailure | undefined> {
  const { setup, verify, verifyAttempts } = request.profile
  if (setup !== undefined) {
    const done = await shell(parts, 'setup', { command: setup, request })
    if (!done.ok) throw new AgenticoreError('setup_failed', `\`${setup}\` failed: ${said(done)}`)
    await parts.afterSetup()
  }
  let result = await turn(parts, request)
  parts.learned(result.facts)
  if (verify === undefined) return result.failure
  for (let left = verifyAttempts; !result.failure; left--) {
    await parts.beforeVerify()
    const checked = await shell(parts, 'verify', { command: verify, request })
    if (checked.ok) break
    const message = `\`${verify}\` still fails: ${said(checked)}`
    if (left === 0) return { code: 'verify_failed', message }
    const allowed = withinLimits(request, result.facts)
    if (typeof allowed === 'string') {
      return { code: 'verify_failed', message: `${message}\n(The agent has used up its ${allowed}.)` }
    }
    const sessionId = result.facts.sessionId ?? request.sessionId
    const next = await turn(parts, { ...allowed, sessionId, resume: true, prompt: promptToMend(verify, checked) })
    result = { ...next, facts: together(result.facts, next.facts) }
    parts.learned(result.facts)
  }
  return result.failure
}

const turn = ({ agent, signal, emit, started }: TurnsParts, request: AgentRequest): Promise<AgentResult> =>
  agent.run(request, { signal, onStart: started, onEvent: emit })

async function shell(
  { agent, clock, signal, emit }: TurnsParts,
  type: 'setup' | 'verify',
  { command, request }: { command: string; request: AgentRequest },
): Promise<ShellResult> {
  const started = clock.monotonicMs()
  const result = await agent.runShell(command, request, signal)
  await emit({ type, ...result, durationMs: Math.round(clock.monotonicMs() - started) })
  return result
}

function said({ end, output }: ShellResult): string {
  const text = output.trim()
  const last = text.length > longestShown ? `… ${text.slice(-longestShown)}` : text
  return last === '' ? end : `${end}\n${last}`
}

/** Of two runs of one conversation. Claude Code counts its cost for the whole conversation, everything else by run. */
function together(first: RunFacts, second: RunFacts): RunFacts {
  const usage = sum(first.usage ?? {}, second.usage ?? {})
  return { ...first, ...second, numTurns: (first.numTurns ?? 0) + (second.numTurns ?? 0), usage }
}

function sum(first: Usage, second: Usage): Usage {
  const names = [...new Set([...Object.keys(first), ...Object.keys(second)])]
  return Object.fromEntries(names.map(name => [name, (first[name] ?? 0) + (second[name] ?? 0)]))
}
