import { AgenticoreError, type ErrorCode } from '../jobs/errors.ts'
import { hasCode, messageOf } from '../util/error-code.ts'

/** What is thrown by any step of an attempt, as the record says it. */
export function failureOf(error: unknown): { errorCode: ErrorCode; error: string } {
  if (error instanceof AgenticoreError) return { errorCode: error.code, error: error.message }
  if (hasCode(error, 'ENOSPC', 'EDQUOT', 'EACCES', 'EPERM', 'EROFS', 'EIO', 'ENOTDIR', 'EMFILE')) {
    return { errorCode: 'storage_failed', error: messageOf(error) }
  }
  return { errorCode: 'internal', error: messageOf(error) }
}
