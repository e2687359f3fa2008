import { type ErrorCode, rowOf } from '../jobs/errors.ts'
import { encodeEvent } from '../jobs/event-record.ts'
import type { JobEvent } from '../jobs/events.ts'
import type { Job } from '../jobs/job.ts'
import { encodeJob } from '../jobs/record.ts'

export { AgenticoreError, type ErrorKind } from '../jobs/errors.ts'
export type { JobEvent } from '../jobs/events.ts'
export { asKnown } from '../jobs/failure.ts'
export { type Job, type JobRequest, type JobStatus, jobStatuses } from '../jobs/job.ts'

const recordOnly = {
  maxTurns: undefined,
  maxBudgetUsd: undefined,
  timeoutSeconds: undefined,
  bootId: undefined,
  continues: undefined,
  pushed: undefined,
  sessionCostUsd: undefined,
  agentUid: undefined,
  crashes: undefined,
  modelUsed: undefined,
  traceparent: undefined,
}

/** The fields of job.ts; what only the record needs stays there. */
export const toWire = (job: Job): Record<string, unknown> =>
  encodeJob({ ...job, ...recordOnly, model: job.modelUsed ?? job.model })

/** What somebody who met this error can do. */
export const remedyFor = (code: ErrorCode): string => rowOf(code).remedy

/** One line of NDJSON, without its newline. */
export const eventToWire = (event: JobEvent): string => encodeEvent(event)
