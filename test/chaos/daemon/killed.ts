import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

const root = join(import.meta.dirname, '../../..')

/** A daemon that gets SIGKILL again and again, and is started again at once. */
export class KilledDaemon {
  readonly url: string
  /** When it was killed, in ms since the epoch. */
  readonly kills: number[] = []
  readonly #env: Record<string, string>
  readonly #port: number
  readonly #log: string
  readonly #isSpared = new AbortController()
  #process: ChildProcess | undefined

  private constructor(port: number, env: Record<string, string>, log: string) {
    this.#port = port
    this.#env = env
    this.#log = log
    this.url = `http://127.0.0.1:${port}`
  }

  /** Resolves when it listens for the first time. */
  static async start(env: Record<string, string>, log: string): Promise<KilledDaemon> {
    const daemon = new KilledDaemon(await freePort(), env, log)
    const child = daemon.#start()
    const listens = Promise.withResolvers<void>()
    child.stderr?.on('data', chunk => String(chunk).includes('listens at') && listens.resolve())
    await Promise.race([listens.promise, once(child, 'exit')])
    daemon.#expectAlive()
    return daemon
  }

  /** Until it is spared: each lives for a random part of `everyMs` from the moment it is started, even if it is not ready by then. */
  async killAgainAndAgain(everyMs: number, random: () => number): Promise<void> {
    while (!this.#isSpared.signal.aborted) {
      const isOver = await delay(everyMs * random(), false, { signal: this.#isSpared.signal }).catch(() => true)
      if (isOver) return
      this.#expectAlive()
      await this.#end('SIGKILL')
      this.kills.push(Date.now())
      this.#start()
    }
  }

  /** No more kills; the one that runs goes on. */
  spare(): void {
    this.#isSpared.abort()
  }

  async stop(): Promise<void> {
    await this.#end('SIGTERM')
  }

  #start(): ChildProcess {
    const child = spawn(join(root, 'bin/agenticore'), ['serve', '--port', String(this.#port)], {
      env: this.#env,
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    this.#process = child
    child.stderr.pipe(createWriteStream(this.#log, { flags: 'a' }))
    return child
  }

  #expectAlive(): void {
    const code = this.#process?.exitCode ?? null
    if (code !== null) throw new Error(`serve ended with ${code}; ${this.#log} says why`)
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#process
    if (!child || child.exitCode !== null || child.signalCode !== null) return
    child.kill(signal)
    await once(child, 'exit')
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (typeof address !== 'object' || address === null) throw new Error('There is no port')
  return address.port
}
