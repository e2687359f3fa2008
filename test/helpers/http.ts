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

/** A client that keeps its connections. @param from the address of this machine to come from */
export function httpTo(t: Test, url: string, from?: string): Http {
  const agent = new Agent({ keepAlive: true, ...(from === undefined ? {} : { localAddress: from }) })
  t.teardown(() => agent.destroy())
  const { hostname, port } = new URL(url)
  const where = { agent, host: hostname.replace(/^\[|\]$/g, ''), port }
  return async (method, path, { headers = {}, body } = {}) => {
    const raw = body === undefined || typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body)
    const sized = raw === undefined ? {} : { 'content-length': Buffer.byteLength(raw) }
    const type = raw === undefined ? {} : { 'content-type': 'application/json' }
    const sent = Promise.withResolvers<Reply>()
    const outgoing = httpRequest({ ...where, method, path, headers: { ...type, ...sized, ...headers } }, response => {
      text(response).then(answer => {
        const { statusCode: status = 0, headers } = response
        sent.resolve({ status, headers, body: answer, json: () => JSON.parse(answer) })
      }, sent.reject)
    })
    outgoing.once('error', sent.reject).end(raw)
    return await sent.promise
  }
}

/** What comes back for these bytes, until the server hangs up or `enough` of it is there. */
export async function bytesTo(url: string, bytes: string | Buffer, enough = /$^/): Promise<string> {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname.replace(/^\[|\]$/g, ''))
  socket.setEncoding('latin1').on('error', () => undefined)
  socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes)
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
