import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { Redis } from 'ioredis'
import type { Test } from 'tap'

/** A Redis of our own, from the machine's own package. */
export interface RedisUnderTest {
  readonly url: string
  readonly port: number
  readonly directory: string
  /** Sees and does what we like. */
  readonly client: Redis
  pid(): number
  signal(name: NodeJS.Signals): void
  /** SIGKILL, and started again on what is in its directory. */
  kill(): Promise<void>
  start(): Promise<void>
  stop(): Promise<void>
}

export interface RedisOptions {
  readonly directory: string
  /** Arguments of redis-server. */
  readonly args?: readonly string[]
  readonly port?: number
}

/** @throws Error when redis-server is not there: `scripts/test` brings it */
export async function startRedis(options: RedisOptions): Promise<RedisUnderTest> {
  const { directory, args = ['--save', '', '--appendonly', 'no'] } = options
  const port = options.port ?? (await freePort())
  const all = ['--port', String(port), '--bind', '127.0.0.1', '--dir', directory, '--daemonize', 'no', ...args]
  let server = spawnServer(all)
  const client = new Redis({ port, lazyConnect: true, retryStrategy: () => 20, maxRetriesPerRequest: null })
  client.on('error', () => undefined)
  const ended = async (): Promise<void> => {
    if (server.exitCode === null && server.signalCode === null) await once(server, 'exit')
  }
  const isUp = async (): Promise<void> => {
    const exit = once(server, 'exit').then(([code]) => {
      throw new Error(`redis-server ended with ${code}`)
    })
    await Promise.race([client.ping(), exit])
  }
  await isUp()
  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    directory,
    client,
    pid: () => server.pid ?? 0,
    signal: name => void server.kill(name),
    async kill() {
      server.kill('SIGKILL')
      await ended()
    },
    async start() {
      server = spawnServer(all)
      await isUp()
    },
    async stop() {
      client.disconnect()
      server.kill('SIGKILL')
      await ended()
    },
  }
}

/** It ends with us, also when we are killed, where there is a way to say so. */
function spawnServer(args: readonly string[]) {
  const [file, ...before] = hasSetpriv ? ['setpriv', '--pdeathsig', 'KILL', 'redis-server'] : ['redis-server']
  return spawn(file, [...before, ...args], { stdio: 'ignore' })
}

const hasSetpriv = spawnSync('setpriv', ['--pdeathsig', 'KILL', 'true'], { stdio: 'ignore' }).status === 0

/** One for all tests of a file; each test takes a prefix of its own. */
export async function redisFor(t: Test, args?: readonly string[]): Promise<RedisUnderTest> {
  const redis = await startRedis({ directory: t.testdir(), ...(args ? { args } : {}) })
  t.teardown(() => redis.stop())
  return redis
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}
