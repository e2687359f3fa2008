import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import { AgenticoreError } from '../../jobs/errors.ts'
import { refusal } from './refusals.ts'

const tooSlow = 408
const headersTooLarge = 431
const malformed = 400

const reasons: Readonly<Record<string, readonly [status: number, message: string]>> = {
  ERR_HTTP_REQUEST_TIMEOUT: [tooSlow, 'The request did not come in whole in time.'],
  HPE_HEADER_OVERFLOW: [headersTooLarge, 'The headers of the request are too large.'],
}

/** Answers what came no further than the parser of HTTP, and hangs up. */
export function refuseMalformed(error: Error & { readonly code: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed) return
  const [status, message] = reasons[error.code] ?? [malformed, 'The request is no HTTP.']
  if (socket.writable)
    socket.write(asHttp(status, JSON.stringify(refusal(status, new AgenticoreError('invalid_request', message)).body)))
  socket.destroy()
}

const asHttp = (status: number, body: string): string =>
  [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Content-Type: application/json; charset=utf-8',
    'Connection: close',
    '',
    body,
  ].join('\r\n')
