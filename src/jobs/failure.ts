import { hasCode, messageOf } from '../util/error-code.ts'
import { AgenticoreError, type ErrorCode } from './errors.ts'

/** What is thrown by any step of an attempt, as the record says it. */
export function failureOf(error: unknown): { errorCode: ErrorCode; error: string } {
  if (error instanceof AgenticoreError) return { errorCode: error.code, error: error.message }
  if (hasCode(error, 'ENOSPC', 'EDQUOT', 'EACCES', 'EPERM', 'EROFS', 'EIO', 'ENOTDIR', 'EMFILE') || isNoPlace(error)) {
    return { errorCode: 'storage_failed', error: messageOf(error) }
  }
  return { errorCode: 'internal', error: messageOf(error) }
}

/** A directory that is to hold another, or is to be read, is not there: a volume that is not mounted, or not any more. */
const isNoPlace = (error: unknown): boolean =>
  hasCode(error, 'ENOENT') &&
  error instanceof Error &&
  'syscall' in error &&
  ['mkdir', 'scandir', 'opendir'].some(call => call === error.syscall)

/** The same as an error of ours, where a disk is what failed; anything else as it is. */
export function asKnown(error: unknown): unknown {
  if (error instanceof AgenticoreError) return error
  const { errorCode, error: message } = failureOf(error)
  return errorCode === 'storage_failed' ? new AgenticoreError(errorCode, message, { cause: error }) : error
}
