import { AgenticoreError } from '../../jobs/errors.ts'

/** Redis did not answer; what was asked of it may have been done. */
export const isAway = (error: unknown): boolean =>
  error instanceof AgenticoreError && error.code === 'store_unavailable'
