import type { ErrorCode } from './errors.ts'
import type { Outcome, Usage } from './job.ts'

/** What the runner itself reports. */
export type RunnerEvent =
  | { readonly type: 'claimed'; readonly podName: string; readonly attempt: number }
  | {
      readonly type: 'workspace_ready'
      readonly branch: string
      readonly baseRef: string
      readonly baseSha: string
      /** Whether the commit was in the clone cache already. */
      readonly cached: boolean
      /** Whether it is the tree of an earlier attempt. */
      readonly continued: boolean
      readonly durationMs: number
    }
  | {
      /** The profile's command before the agent, or after it. */
      readonly type: 'setup' | 'verify'
      readonly ok: boolean
      /** `exit code 1`, `it took more than 3600 s`. */
      readonly end: string
      /** The last of what it printed, at most 64 KiB. */
      readonly output: string
      readonly durationMs: number
    }
  /** The agent of an earlier attempt had done its part in this tree: this one has only to deliver it. */
  | { readonly type: 'work_found'; readonly doneBy: number }
  | { readonly type: 'committed'; readonly sha: string; readonly changedFiles: number }
  | { readonly type: 'nothing_changed' }
  | { readonly type: 'pushed'; readonly branch: string; readonly sha: string; readonly hint: string }
  /** The host of the repository asks for time, or was in trouble. */
  | { readonly type: 'pull_request_waits'; readonly reason: string; readonly waitMs: number }
  | { readonly type: 'pull_request'; readonly url: string }
  | { readonly type: 'pull_request_failed'; readonly error: string }
  | { readonly type: 'warning'; readonly message: string }
  | { readonly type: 'released'; readonly reason: string; readonly notBefore?: string }
  /** How this attempt ended. The record has the last word: a cancel request, or a later attempt, can overrule it. */
  | {
      readonly type: 'outcome'
      readonly status: Outcome['status']
      readonly errorCode?: ErrorCode
      readonly error?: string
    }

/** What the agent did, from its event stream. */
export type AgentEvent =
  | {
      readonly type: 'agent_started'
      readonly sessionId: string
      readonly model: string
      readonly claudeVersion: string
      readonly tools: readonly string[]
      readonly permissionMode: string
      readonly mcpServers: readonly { readonly name: string; readonly status: string }[]
    }
  | { readonly type: 'message' | 'thinking'; readonly text: string; readonly truncated: boolean }
  | { readonly type: 'tool_call'; readonly toolUseId: string; readonly tool: string; readonly input: unknown }
  | {
      readonly type: 'tool_result'
      readonly toolUseId: string
      readonly ok: boolean
      readonly text: string
      readonly truncated: boolean
    }
  | { readonly type: 'model_retry'; readonly attempt: number; readonly delayMs: number; readonly status?: number }
  /** A tool call that takes long is still at work. */
  | {
      readonly type: 'tool_progress'
      readonly toolUseId: string
      readonly tool: string
      readonly elapsedSeconds: number
    }
  | { readonly type: 'permission_denied'; readonly toolUseId: string; readonly tool: string; readonly reason: string }
  | { readonly type: 'model_fallback'; readonly from: string; readonly to: string; readonly reason: string }
  /** A sub-agent or a background command: `started`, `progress`, `updated`, `notification`. */
  | { readonly type: 'task'; readonly phase: string; readonly taskId: string; readonly text: string }
  | { readonly type: 'compacted' }
  | ({ readonly type: 'agent_result' } & AgentVerdict)
  /** An event this version has no type for; its name, so that nothing vanishes unseen. */
  | { readonly type: 'agent_other'; readonly name: string }

export interface AgentVerdict {
  /** `success`, `error_max_turns`, `error_during_execution`, …: never enough alone, see `isError`. */
  readonly subtype: string
  readonly isError: boolean
  /** At most 1 MiB. */
  readonly text: string
  readonly truncated: boolean
  readonly numTurns: number
  readonly durationMs: number
  readonly totalCostUsd: number
  readonly usage: Usage
  readonly sessionId: string
  readonly apiErrorStatus?: number
}

export type JobEventBody = RunnerEvent | AgentEvent

/** `id` is `<fence>-<seq>`, seq dense from 1 in each attempt. */
export type JobEvent = JobEventBody & { readonly id: string; readonly at: string }
