import { type ErrorCode, rowOf } from '../jobs/errors.ts'
import { decodeEvent, encodeEvent } from '../jobs/event-record.ts'
import type { JobEvent } from '../jobs/events.ts'
import type { Job } from '../jobs/job.ts'
import { encodeJob, jobFrom } from '../jobs/record.ts'

export { AgenticoreError, type ErrorKind, isErrorCode } from '../jobs/errors.ts'
export type { JobEvent } from '../jobs/events.ts'
export { asKnown } from '../jobs/failure.ts'
export { type Job, type JobRequest, type JobStatus, jobStatuses } from '../jobs/job.ts'

const recordOnly = {
  maxTurns: undefined,
  maxBudgetUsd: undefined,
  timeoutSeconds: undefined,
  bootId: undefined,
  continues: undefined,
  defaulted: undefined,
  pushed: undefined,
  sessionCostUsd: undefined,
  agentUid: undefined,
  crashes: undefined,
  putOffs: undefined,
  modelUsed: undefined,
  traceparent: undefined,
}

/** The fields of job.ts; what only the record needs stays there. */
export const toWire = (job: Job): Record<string, unknown> =>
  encodeJob({ ...job, ...recordOnly, model: job.modelUsed ?? job.model })

/** @throws AgenticoreError `corrupt_record` that names `source` */
export function fromWire(value: unknown, source: string): Job {
  return jobFrom(typeof value === 'object' && value !== null ? value : {}, source)
}

/** What somebody who met this error can do. */
export const remedyFor = (code: ErrorCode): string => rowOf(code).remedy

/** One line of NDJSON, without its newline. */
export const eventToWire = (event: JobEvent): string => encodeEvent(event)

/** Undefined for what is no event. */
export const eventFromWire = (line: string): JobEvent | undefined => decodeEvent(line)
