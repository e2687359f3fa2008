import type { Test } from 'tap'
import type { Cli, CliOptions } from './cli.ts'
import { until } from './until.ts'

/** `agenticore serve` as its user runs it, from the moment it listens. */
export interface DaemonUnderTest {
  readonly url: string
  readonly pid: number
  /** What it has logged, a line of JSON each. */
  readonly log: readonly string[]
  /** Sends a request; `body` as JSON. */
  request(method: string, path: string, options?: RequestOptions): Promise<Answer>
  /** SIGTERM. @returns its exit code, when it has ended */
  stop(): Promise<number | undefined>
  /** SIGTERM twice: what runs goes back to the queue. @returns the same */
  handOver(): Promise<number | undefined>
  /** SIGKILL. */
  kill(): Promise<void>
  signal(name: NodeJS.Signals): void
  /** Resolves when it has ended. */
  readonly ended: Promise<number | undefined>
}

export interface RequestOptions {
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: unknown
}

export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  // biome-ignore lint/suspicious/noExplicitAny: tests look into what came
  readonly json: any
}

/** @param options.port the same as another one had; any free one, if not given */
export async function startDaemon(
  t: Test,
  cli: Cli,
  { port = 0, ...options }: CliOptions & { readonly port?: number } = {},
): Promise<DaemonUnderTest> {
  const running = cli.start(['serve', '--port', String(port)], options)
  const log: string[] = []
  let rest = ''
  const listens = Promise.withResolvers<string>()
  running.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    const lines = `${rest}${chunk}`.split('\n')
    rest = lines.pop() ?? ''
    log.push(...lines)
    const [, url] = /listens at (http:\/\/[^"\s]+)/.exec(lines.join('\n')) ?? []
    if (url !== undefined) listens.resolve(url)
  })
  const ended = running.then(({ exitCode }) => exitCode)
  void ended.then(code => listens.reject(new Error(`serve ended with ${code}:\n${log.join('\n')}`)))
  let isOver = false
  void ended.then(() => {
    isOver = true
  })
  const signal = (name: NodeJS.Signals): void => void (isOver || process.kill(running.pid ?? 0, name))
  const handOver = async (): Promise<number | undefined> => {
    signal('SIGTERM')
    // Of two that come at once the kernel makes one.
    await until(() => isOver || log.some(line => line.includes('"draining"')) || undefined)
    signal('SIGTERM')
    return await ended
  }
  t.teardown(handOver)
  const url = await listens.promise
  return {
    url,
    pid: running.pid ?? 0,
    log,
    request: (method, path, how) => send(`${url}${path}`, method, how),
    stop: async () => {
      signal('SIGTERM')
      return await ended
    },
    kill: async () => {
      signal('SIGKILL')
      await ended
    },
    signal,
    handOver,
    ended,
  }
}

async function send(address: string, method: string, { headers = {}, body }: RequestOptions = {}): Promise<Answer> {
  const response = await fetch(address, {
    method,
    headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  const text = await response.text()
  const json = response.headers.get('content-type')?.startsWith('application/json') ? JSON.parse(text) : undefined
  return { status: response.status, headers: response.headers, text, json }
}

/** The same command line, talking to that server. */
export function cliTo({ url }: { readonly url: string }, cli: Cli): Cli {
  const to = (options: CliOptions = {}): CliOptions => ({ ...options, env: { AGENTICORE_URL: url, ...options.env } })
  return Object.assign((args: readonly string[], options?: CliOptions) => cli(args, to(options)), {
    home: cli.home,
    start: (args: readonly string[], options?: CliOptions) => cli.start(args, to(options)),
  })
}
