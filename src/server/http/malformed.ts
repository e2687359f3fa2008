import { type Server, STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import { AgenticoreError } from '../../jobs/errors.ts'
import { isOwed } from './connections.ts'
import { refusal } from './refusals.ts'

const tooSlow = 408
const headersTooLarge = 431
const malformed = 400
const notExpected = 417
const notAllowed = 405

const reasons: Readonly<Record<string, readonly [status: number, message: string]>> = {
  ERR_HTTP_REQUEST_TIMEOUT: [tooSlow, 'The request did not come in whole in time.'],
  HPE_HEADER_OVERFLOW: [headersTooLarge, 'The headers of the request are too large.'],
}

/** Answers what came no further than the parser of HTTP, and hangs up. */
export function refuseMalformed(error: Error & { readonly code: string }, socket: Duplex): void {
  if (error.code === 'ECONNRESET' || socket.destroyed) return
  const [status, message] = reasons[error.code] ?? [malformed, 'The request is no HTTP.']
  hangUp(socket, status, message)
}

/** Answers what Node would answer by itself, without a word. */
export function refuseOddities(server: Server): void {
  server.on('connect', (_, socket) => hangUp(socket, notAllowed, 'This server is no proxy: CONNECT is not for it.'))
  server.on('checkExpectation', ({ socket }) => hangUp(socket, notExpected, 'Only 100-continue may be expected.'))
}

function hangUp(socket: Duplex, status: number, message: string): void {
  const { body } = refusal(status, new AgenticoreError('invalid_request', message))
  if (socket.writable && !isOwed(socket)) socket.write(asHttp(status, JSON.stringify(body)))
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
