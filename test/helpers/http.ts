import { Agent, request as httpRequest, type IncomingHttpHeaders, type OutgoingHttpHeaders } from 'node:http'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import type { Test } from 'tap'

export interface Reply {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: string
  /** The body as JSON. @throws SyntaxError */
  json(): unknown
}

export interface Sent {
  /** `Host` among them, which `fetch` does not let through. */
  readonly headers?: OutgoingHttpHeaders
  /** A string or bytes as they are, anything else as JSON. */
  readonly body?: unknown
}

/** Sends a request; the path as it is written. */
export type Http = (method: string, path: string, sent?: Sent) => Promise<Reply>

/** A client that keeps its connections for as long as the test runs. */
export function httpTo(t: Pick<Test, 'teardown'>, url: string): Http {
  const agent = new Agent({ keepAlive: true })
  t.teardown(() => agent.destroy())
  const where = { agent, ...placeOf(url) }
  return async (method, path, { headers = {}, body } = {}) => {
    const raw = body === undefined || typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body)
    const kind =
      raw === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(raw) }
    const sent = Promise.withResolvers<Reply>()
    const outgoing = httpRequest({ ...where, method, path, headers: { ...kind, ...headers } }, response => {
      text(response).then(answer => {
        const { statusCode: status = 0, headers } = response
        sent.resolve({ status, headers, body: answer, json: () => JSON.parse(answer) })
      }, sent.reject)
    })
    outgoing.once('error', sent.reject).end(raw)
    return await sent.promise
  }
}

/** What comes back for these bytes (a string of them), until the server hangs up or there is `enough`. */
export async function bytesTo(url: string, bytes: string, enough = /$^/): Promise<string> {
  const { host, port } = placeOf(url)
  const socket = connect(port, host)
  socket.setEncoding('latin1').on('error', () => undefined)
  socket.write(bytes, 'latin1')
  let heard = ''
  try {
    for await (const chunk of socket) {
      heard += chunk
      if (enough.test(heard)) break
    }
  } catch {
    // It hung up without a farewell; what it said before is what is asked for.
  }
  socket.destroy()
  return heard
}

export function placeOf(url: string): { readonly host: string; readonly port: number } {
  const { hostname, port } = new URL(url)
  return { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port) }
}
