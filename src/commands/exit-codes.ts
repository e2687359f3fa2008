import { AgenticoreError, type ErrorKind, type Job } from '../api/wire.ts'
import { SettingError } from '../config/load.ts'

/** What a script can tell from the exit code; the same table for refused operations and for how a job ended. */
export const exitCodes: Readonly<Record<ErrorKind, number>> = {
  refused: 1,
  conflict: 1,
  busy: 1,
  usage: 2,
  too_large: 2,
  unavailable: 3,
  not_found: 4,
  unauthorised: 5,
  forbidden: 5,
  timed_out: 124,
  interrupted: 130,
}

export function exitCodeOf(error: unknown): number {
  if (error instanceof AgenticoreError) return exitCodes[error.kind]
  return error instanceof SettingError ? exitCodes.usage : exitCodes.refused
}

/** 0 for success; a job that is back in the queue was interrupted. */
export function exitCodeOfJob(job: Job): number {
  if (job.status === 'succeeded') return 0
  if (job.status === 'queued') return exitCodes.interrupted
  return job.errorCode === undefined ? exitCodes.refused : exitCodeOf(new AgenticoreError(job.errorCode, ''))
}
