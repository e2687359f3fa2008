import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createWriteStream, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { openProxy, type WireUnderTest } from '../../helpers/proxy.ts'
import { freePort } from '../../helpers/redis.ts'

const root = join(import.meta.dirname, '../../..')
const agent = join(import.meta.dirname, '../daemon/agent')

export interface PodPlace {
  readonly name: string
  /** Its machine. */
  readonly directory: string
  readonly redisPort: number
  readonly env: Readonly<Record<string, string>>
}

/** `agenticore serve` on a machine of its own, with a wire of its own to Redis. */
export class ChaosPod {
  readonly url: string
  readonly proxy: WireUnderTest
  /** When it was ended without a word, in ms since the epoch. */
  readonly kills: number[] = []
  readonly #place: PodPlace
  readonly #port: number
  readonly #closeProxy: () => Promise<void>
  #process: ChildProcess | undefined

  private constructor(place: PodPlace, port: number, wire: { proxy: WireUnderTest; close(): Promise<void> }) {
    this.#place = place
    this.#port = port
    this.proxy = wire.proxy
    this.#closeProxy = wire.close
    this.url = `http://127.0.0.1:${port}`
  }

  static async start(place: PodPlace): Promise<ChaosPod> {
    mkdirSync(join(place.directory, 'tmp'), { recursive: true })
    const pod = new ChaosPod(place, await freePort(), await openProxy(place.redisPort))
    pod.#start()
    return pod
  }

  /** Where it makes working trees. */
  get scratch(): string {
    return join(this.#place.directory, '.agenticore/worktrees')
  }

  /** SIGKILL, and a new one at once. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL')
    this.kills.push(Date.now())
    this.#start()
  }

  /** Its work is handed over, and a new one takes its place. */
  async replace(): Promise<void> {
    const leaving = this.#end('SIGTERM')
    await delay(200)
    this.#process?.kill('SIGTERM')
    await leaving
    this.#start()
  }

  /** It stands still for so long. */
  async freeze(ms: number): Promise<void> {
    const child = this.#process
    child?.kill('SIGSTOP')
    await delay(ms)
    child?.kill('SIGCONT')
  }

  async close(): Promise<void> {
    this.#process?.kill('SIGCONT')
    const leaving = this.#end('SIGTERM')
    await delay(200)
    this.#process?.kill('SIGTERM')
    await leaving
    await this.#closeProxy()
  }

  #start(): void {
    const { name, directory, env } = this.#place
    const child = spawn(join(root, 'bin/agenticore'), ['serve', '--port', String(this.#port)], {
      env: {
        PATH: process.env.PATH ?? '',
        HOME: directory,
        TMPDIR: join(directory, 'tmp'),
        NODE_COMPILE_CACHE: join(root, '.tap/compile-cache'),
        AGENTICORE_CLAUDE_BINARY: agent,
        AGENTICORE_AGENT_ISOLATION: 'none',
        AGENTICORE_MIN_FREE_DISK: '1MiB',
        AGENTICORE_POD_NAME: name,
        REDIS_URL: `redis://127.0.0.1:${this.proxy.port}`,
        ANTHROPIC_API_KEY: 'sk-ant-chaos-0123456789',
        ...env,
      },
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    this.#process = child
    child.stderr.pipe(createWriteStream(`${directory}.log`, { flags: 'a' }))
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#process
    if (!child || child.exitCode !== null || child.signalCode !== null) return
    const gone = once(child, 'exit')
    child.kill(signal)
    await gone
  }
}
