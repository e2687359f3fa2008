import { AgenticoreError } from '../../jobs/errors.ts'

/**
 * For what a server that closes will not do to its end: a request that comes now gets 503, and so does one whose reply has
 * not begun. One that has breaks off: its end would be taken for the end of what it tells of.
 */
export function throwIfClosing(closing: AbortSignal): void {
  if (closing.aborted) throw new AgenticoreError('not_ready', 'The server closes.')
}
