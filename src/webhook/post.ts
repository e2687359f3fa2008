import { messageOf } from '../util/error-code.ts'
import { oneLine } from '../util/printable.ts'

export interface Post {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/**
 * One try. The address in the settings is the one that was trusted with the record, so no redirect is followed.
 * @returns undefined when the receiver has answered 2xx; else what went wrong, on one line
 */
export async function post({ url, headers, body }: Post, signal: AbortSignal): Promise<string | undefined> {
  try {
    const response = await fetch(url, { method: 'POST', headers, body, signal, redirect: 'manual' })
    // What it has to say beyond the status is nobody's to read.
    await response.body?.cancel().catch(() => undefined)
    if (response.ok) return undefined
    const isRedirect = response.status >= 300 && response.status < 400
    return `HTTP ${response.status}${isRedirect ? ', and redirects are not followed' : ''}`
  } catch (error) {
    return oneLine(signal.aborted ? messageOf(signal.reason) : reasonOf(error), 200)
  }
}

/** fetch says only that it failed; the cause says why. */
function reasonOf(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
  // Of several addresses of a host none could be reached: the message is empty then.
  const inner = cause instanceof AggregateError ? cause.errors[0] : cause
  return messageOf(inner)
}
