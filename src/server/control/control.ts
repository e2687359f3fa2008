import { chmod, rm } from 'node:fs/promises'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { json } from 'node:stream/consumers'
import { messageOf } from '../../util/error-code.ts'
import { withSocketPath } from '../../util/socket-path.ts'

/** What the owner of the machine may ask of a daemon, and nobody on the network. */
export interface Control {
  /** @param request as `DrainRequest`; what it has wrong counts as not given */
  drain(request: unknown): AsyncIterable<object>
  /** What is wrong with it, so that it had better be started anew; undefined when nothing is. */
  whyUnhealthy(): Promise<string | undefined>
}

/**
 * Listens on a socket in the file system, mode 0600: who may open it is the kernel's business. One line of JSON for
 * everything that happens, until it is over.
 */
export async function listenControl(path: string, control: Control): Promise<Server> {
  const server = createServer((request, reply) => void answer(request, reply, control))
  // The lock beside it is ours: what is there has been left by one that is gone.
  await rm(path, { force: true })
  const listen = async (address: string): Promise<void> =>
    await new Promise((resolve, reject) => void server.once('error', reject).listen(address, resolve))
  await withSocketPath(path, listen)
  await chmod(path, 0o600)
  return server
}

async function answer(request: IncomingMessage, reply: ServerResponse, control: Control): Promise<void> {
  try {
    if (request.method === 'GET' && request.url === '/health') return await answerHealth(reply, control)
    if (request.method !== 'POST' || request.url !== '/drain') return void reply.writeHead(404).end()
    const wanted = await json(request)
    reply.writeHead(200, { 'content-type': 'application/x-ndjson' })
    for await (const line of control.drain(wanted)) reply.write(`${JSON.stringify(line)}\n`)
    reply.end()
  } catch (error) {
    if (!reply.headersSent) reply.writeHead(400)
    reply.end(JSON.stringify({ error: messageOf(error) }))
  }
}

async function answerHealth(reply: ServerResponse, control: Control): Promise<void> {
  const why = await control.whyUnhealthy()
  reply.writeHead(why === undefined ? 200 : 503, { 'content-type': 'application/json' })
  reply.end(JSON.stringify(why === undefined ? { status: 'ok' } : { status: 'unhealthy', reason: why }))
}
