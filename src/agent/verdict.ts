import { AgenticoreError, type ErrorCode } from '../jobs/errors.ts'
import type { AgentVerdict } from '../jobs/events.ts'
import type { StreamedResult } from '../process/stream.ts'
import { cut } from './cut.ts'

/** What a hook says ends with the whole task. */
const saidBytes = 2000

export interface Failure {
  readonly code: ErrorCode
  readonly message: string
}

const limits: Readonly<Record<string, Failure>> = {
  error_max_turns: { code: 'max_turns', message: 'The agent reached its turn limit.' },
  error_max_budget_usd: { code: 'max_budget', message: 'The agent reached its budget.' },
}

/**
 * How a run went. Success is exit code 0 and a last result that is no error, says success and took a turn; the model's
 * errors come as subtype `success` with `is_error`, and a killed claude can exit with 0 or leave no result, so neither is
 * enough alone.
 * @param stopped why we stopped it, if we did
 */
export function judge(ended: StreamedResult, verdict: AgentVerdict | undefined, stopped: unknown): Failure | undefined {
  if (stopped instanceof AgenticoreError) return { code: stopped.code, message: stopped.message }
  if (stopped !== undefined) return { code: 'interrupted', message: String(stopped) }
  if (ended.notStarted !== undefined) {
    return { code: 'agent_failed', message: `Claude Code could not be started: ${ended.notStarted}.` }
  }
  const how = ended.signal ? `was ended by ${ended.signal}` : `exited with ${ended.exitCode}`
  const said = ended.stderr.trim() === '' ? '' : `: ${ended.stderr.trim().slice(-2000)}`
  if (!verdict) return { code: 'agent_no_result', message: `Claude Code ${how} without a result${said}` }
  const limit = limits[verdict.subtype]
  if (limit) return limit
  if (verdict.isError || verdict.subtype !== 'success') return errorOf(verdict)
  if (ended.exitCode !== 0) {
    return { code: 'agent_failed', message: `Claude Code reported success, but ${how}${said}` }
  }
  // What a hook blocked ends with subtype `success`, exit code 0 and what the hook said as the result.
  if (verdict.numTurns > 0) return undefined
  return { code: 'prompt_blocked', message: `Claude Code took no turn: ${cut(verdict.text, saidBytes).text}` }
}

/** Rate limited, overloaded: it is not the job's fault, and passes. */
const busyStatuses = new Set([429, 529])

function errorOf(verdict: AgentVerdict): Failure {
  const text = verdict.text || verdict.subtype
  if (verdict.apiErrorStatus !== undefined) {
    const code = busyStatuses.has(verdict.apiErrorStatus) ? 'model_busy' : 'model_error'
    return { code, message: `The model answered ${verdict.apiErrorStatus}: ${text}` }
  }
  return { code: 'agent_failed', message: `Claude Code reported an error: ${text}` }
}
