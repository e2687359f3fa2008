import type { ErrorCode } from './errors.ts'

declare const idBrand: unique symbol

/** UUID v7, made by the submitter before anything is written. */
export type JobId = string & { readonly [idBrand]: true }

export const finalStatuses = ['succeeded', 'failed', 'cancelled', 'expired'] as const
export const jobStatuses = ['queued', 'running', ...finalStatuses] as const

export type JobStatus = (typeof jobStatuses)[number]
export type JobMode = 'fire_and_forget' | 'sync'

/** Token counts by the model's own names for them. */
export type Usage = Readonly<Record<string, number>>

/** What the submitter asked for. Never changes. */
export interface JobRequest {
  readonly task: string
  /** Empty: a job without a repository. */
  readonly repoUrl: string
  /** Branch, tag or commit to start from; empty: the repository's default branch. */
  readonly baseRef: string
  /** Empty: the server's default. */
  readonly profile: string
  readonly mode: JobMode
  /** Unset: what Claude Code takes by itself. */
  readonly model?: string
  readonly maxTurns?: number
  readonly maxBudgetUsd?: number
  readonly timeoutSeconds?: number
  /** How long the record stays after the end; unset: the server's default. */
  readonly ttlSeconds?: number
  /** A job that has not started by then expires. */
  readonly queueTtlSeconds?: number
  readonly idempotencyKey?: string
  /** The job whose conversation this one goes on with, on that one's branch. */
  readonly continues?: JobId
  /** W3C: of the request the job was submitted in; in the record, of the span its attempts belong under. */
  readonly traceparent?: string
}

/** With what the submitter has left to the server. */
export interface CompleteRequest extends JobRequest {
  readonly ttlSeconds: number
  /** Fields that are the server's default of that time: what was asked for is its default, whatever that is. */
  readonly defaulted?: readonly (keyof JobRequest)[]
}

/** What a run finds out; the holder of the lease writes these while running and at the end. */
export interface RunFacts {
  readonly pid?: number
  /** The user the agent runs as, where it has one of its own. */
  readonly agentUid?: number
  readonly worktreePath?: string
  readonly jobConfigDir?: string
  readonly branch?: string
  readonly baseSha?: string
  readonly headSha?: string
  /** Commits that attempts of the job have pushed, or were about to: what else is on its branch is somebody else's. */
  readonly pushed?: readonly string[]
  readonly prUrl?: string
  readonly prError?: string
  readonly sessionId?: string
  readonly resumed?: boolean
  readonly exitCode?: number
  /** The agent's final text, at most 1 MiB. */
  readonly output?: string
  readonly outputTruncated?: boolean
  readonly numTurns?: number
  readonly totalCostUsd?: number
  /** What the whole conversation has cost, earlier jobs in it included. */
  readonly sessionCostUsd?: number
  readonly usage?: Usage
  readonly durationMs?: number
  /** The model that answered. */
  readonly modelUsed?: string
  readonly claudeVersion?: string
  /** How many files the delivered commit changes against its base. */
  readonly changedFiles?: number
  readonly lastActivity?: string
}

/** One job: what was asked, where it stands, what its latest attempt found. Times are RFC 3339 in UTC. */
export interface Job extends CompleteRequest, RunFacts {
  readonly id: JobId
  readonly status: JobStatus
  readonly createdAt: string
  readonly startedAt?: string
  readonly endedAt?: string
  /** A queued job is not claimed before this. */
  readonly notBefore?: string
  readonly cancelRequestedAt?: string
  /** The pod that holds the job, or held it last; empty before the first claim and while queued. */
  readonly podName: string
  /** Which start of that pod: a successor under the same name is another. */
  readonly bootId?: string
  /** Goes up on every claim, never down: the highest one is the only writer whose word counts. */
  readonly fence: number
  /** Starts that count against the limit. */
  readonly attempt: number
  /** Starts that ended without being the job's fault: drains, dead pods, rate limits, Ctrl-C. */
  readonly interruptions: number
  /** How many holders in a row died with it. */
  readonly crashes?: number
  /** How often it was given back to wait for what was in the way; 0, if not given. */
  readonly putOffs?: number
  readonly worktreePath: string
  readonly jobConfigDir: string
  readonly branch: string
  readonly resumed: boolean
  readonly outputTruncated: boolean
  readonly error?: string
  readonly errorCode?: ErrorCode
  /** 1 = next to run; only while queued, worked out when asked. */
  readonly queuePosition?: number
  readonly schemaVersion: number
}

export type Outcome =
  | { readonly status: 'succeeded' | 'cancelled'; readonly facts: RunFacts }
  | { readonly status: 'failed'; readonly facts: RunFacts; readonly errorCode: ErrorCode; readonly error: string }

export const isFinal = (job: Job): boolean => finalStatuses.some(status => status === job.status)

/** As lists have it. */
export function withoutOutput(job: Job): Job {
  const { output: _, ...rest } = job
  return rest
}
