import { type IncomingHttpHeaders, type Server, STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import type { FastifyBaseLogger } from 'fastify'
import { AgenticoreError } from '../../jobs/errors.ts'
import { isOwed, whenPaid } from './connections.ts'
import { refusal } from './refusals.ts'
import { requestIdOf } from './request-id.ts'

const tooSlow = 408
const headersTooLarge = 431
const malformed = 400
const notExpected = 417
const notAllowed = 405

const reasons: Readonly<Record<string, readonly [status: number, message: string]>> = {
  ERR_HTTP_REQUEST_TIMEOUT: [tooSlow, 'The request did not come in whole in time.'],
  HPE_HEADER_OVERFLOW: [headersTooLarge, 'The headers of the request are too large.'],
}

interface Refused {
  readonly status: number
  readonly message: string
  readonly headers?: IncomingHttpHeaders
}

type Log = Pick<FastifyBaseLogger, 'info'>

/** Answers what came no further than the parser of HTTP, and hangs up. */
export const refuseMalformed =
  (log: Log) =>
  (error: Error & { readonly code: string }, socket: Duplex): void => {
    if (error.code === 'ECONNRESET' || socket.destroyed) return
    const [status, message] = reasons[error.code] ?? [malformed, 'The request is no HTTP.']
    hangUp(socket, { status, message }, log)
  }

/** Answers what Node would answer by itself, without a word. */
export function refuseOddities(server: Server, log: Log): void {
  server.on('connect', ({ headers }, socket) => {
    const message = 'This server is no proxy: CONNECT is not for it.'
    hangUp(socket, { status: notAllowed, message, headers }, log)
  })
  server.on('checkExpectation', ({ headers, socket }) => {
    hangUp(socket, { status: notExpected, message: 'Only 100-continue may be expected.', headers }, log)
  })
}

/** The parser complains of every piece that comes after. */
const givenUp = new WeakSet<Duplex>()

function hangUp(socket: Duplex, { status, message, headers }: Refused, log: Log): void {
  if (givenUp.has(socket)) return
  givenUp.add(socket)
  const id = requestIdOf(headers)
  log.info({ reqId: id, status, error: message }, 'request')
  // What stands before it was asked for, and done.
  if (isOwed(socket)) {
    whenPaid(socket, () => socket.destroy())
    return
  }
  const { body } = refusal(status, new AgenticoreError('invalid_request', message))
  if (socket.writable) socket.write(asHttp(status, id, JSON.stringify(body)))
  socket.destroy()
}

const asHttp = (status: number, id: string, body: string): string =>
  [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Content-Type: application/json; charset=utf-8',
    'Connection: close',
    `X-Request-Id: ${id}`,
    '',
    body,
  ].join('\r\n')
