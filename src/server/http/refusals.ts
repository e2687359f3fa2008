import { AgenticoreError, type ErrorKind } from '../../jobs/errors.ts'
import { asKnown } from '../../jobs/failure.ts'

/** What a request gets that was not done. */
export interface Refusal {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: Readonly<{ success: false; error: string; code: string; remedy: string }>
}

const statuses: Readonly<Record<ErrorKind, number>> = {
  usage: 400,
  unauthorised: 401,
  forbidden: 403,
  not_found: 404,
  conflict: 409,
  refused: 409,
  interrupted: 409,
  timed_out: 409,
  too_large: 413,
  busy: 429,
  unavailable: 503,
}

const failed = { corrupt_record: 500, newer_record: 500, internal: 500, storage_failed: 507 } as const

const later = { 'retry-after': '5' }
const headersOf: Readonly<Record<number, Readonly<Record<string, string>>>> = {
  401: { 'www-authenticate': 'Bearer realm="agenticore"' },
  429: later,
  503: later,
  507: later,
}

/** What is thrown anywhere behind a route, as the reply to it. */
export function refusalFor(thrown: unknown): Refusal {
  const error = asKnown(thrown)
  if (error instanceof AgenticoreError) return refusal(statusOf(error), error)
  if (isOfFastify(error)) return refusal(error.statusCode, ofFastify(error))
  return refusal(
    500,
    new AgenticoreError('internal', 'The server failed; its log says how, under the id of the request.'),
  )
}

export function refusal(status: number, { code, message, remedy }: AgenticoreError): Refusal {
  return { status, headers: headersOf[status] ?? {}, body: { success: false, error: message, code, remedy } }
}

const statusOf = ({ code, kind }: AgenticoreError): number =>
  Object.hasOwn(failed, code) ? Reflect.get(failed, code) : statuses[kind]

type Refused = Error & { readonly statusCode: number }

const isOfFastify = (error: unknown): error is Refused =>
  error instanceof Error && 'statusCode' in error && typeof error.statusCode === 'number' && error.statusCode < 500

/** What it says that repeats a long address, or has no full stop. */
const inOurWords: Readonly<Record<number, string>> = {
  413: 'The body of the request is too large.',
  414: 'A part of the address is too long.',
  415: 'The Content-Type of the request is none.',
}

const ofFastify = ({ statusCode, message }: Refused): AgenticoreError =>
  new AgenticoreError(statusCode === 413 ? 'too_large' : 'invalid_request', inOurWords[statusCode] ?? message)
