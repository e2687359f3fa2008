import { Agent, request as httpRequest, type IncomingHttpHeaders, type OutgoingHttpHeaders } from 'node:http'
import { text } from 'node:stream/consumers'
import type { Test } from 'tap'
import type { Cli } from './cli.ts'

export interface Reply {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: string
  /** The body as JSON. @throws SyntaxError */
  json(): unknown
}

export interface Sent {
  readonly headers?: OutgoingHttpHeaders
  /** A string or bytes as they are, anything else as JSON. */
  readonly body?: unknown
}

export interface Daemon {
  /** Where it listens; by loopback, if it listens everywhere. */
  readonly url: string
  readonly pid: number
  /** Its log so far: the lines of its standard error. */
  readonly log: readonly string[]
  /** Over a connection that is kept. A path that is no proper one is sent as it is. */
  request(method: string, path: string, sent?: Sent): Promise<Reply>
  /** As Kubernetes ends a container: SIGTERM. The exit code, once it is gone. */
  stop(): Promise<number | undefined>
  /** As a machine that loses its power. */
  kill(): Promise<void>
}

export interface DaemonOptions {
  readonly env?: Readonly<Record<string, string>>
  /** Further ones for `serve`. */
  readonly args?: readonly string[]
}

/** `agenticore serve` on a free port, ended with the test. @throws with its log if it does not come to listen */
export async function startDaemon(t: Test, cli: Cli, { env = {}, args = [] }: DaemonOptions = {}): Promise<Daemon> {
  const child = cli.start(['serve', '--port', '0', ...args], {
    env: { AGENTICORE_LOG_FORMAT: 'json', AGENTICORE_LOG_LEVEL: 'debug', ...env },
  })
  const agent = new Agent({ keepAlive: true })
  const log: string[] = []
  const listens = Promise.withResolvers<string>()
  const read = async (): Promise<void> => {
    for await (const line of child.iterable({ from: 'stderr' })) {
      log.push(line)
      const [, url] = /"agenticore \S+ listens at (http:[^"]+)"/.exec(line) ?? []
      if (url !== undefined) listens.resolve(reachable(url))
    }
  }
  const toItsEnd = read()
    .catch(() => undefined)
    .finally(() => listens.reject(new Error(`The daemon does not listen:\n${log.join('\n')}`)))
  const end = async (signal: NodeJS.Signals): Promise<number | undefined> => {
    agent.destroy()
    child.kill(signal)
    await toItsEnd
    return (await child).exitCode
  }
  t.teardown(() => end('SIGKILL'))
  const url = await listens.promise
  return {
    url,
    pid: child.pid ?? 0,
    log,
    request: (method, path, sent) => request(new URL(url), { method, path, agent }, sent),
    stop: () => end('SIGTERM'),
    kill: async () => void (await end('SIGKILL')),
  }
}

const reachable = (url: string): string => url.replace('0.0.0.0', '127.0.0.1').replace('[::]', '[::1]')

async function request(
  { hostname, port }: URL,
  where: { readonly method: string; readonly path: string; readonly agent: Agent },
  { headers = {}, body }: Sent = {},
): Promise<Reply> {
  const raw = body === undefined || typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body)
  const sent = Promise.withResolvers<Reply>()
  const host = hostname.replace(/^\[|\]$/g, '')
  const type = raw === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(raw) }
  const outgoing = httpRequest({ ...where, host, port, headers: { ...type, ...headers } }, response => {
    text(response).then(answer => {
      const { statusCode: status = 0, headers } = response
      sent.resolve({ status, headers, body: answer, json: () => JSON.parse(answer) })
    }, sent.reject)
  })
  outgoing.once('error', sent.reject).end(raw)
  return await sent.promise
}
