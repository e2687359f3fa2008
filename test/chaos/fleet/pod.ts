import { copyFileSync, createWriteStream, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { openProxy, type WireUnderTest } from '../../helpers/proxy.ts'
import { freePort } from '../../helpers/redis.ts'
import { Machine, type Program } from './machine.ts'
import { Spans } from './spans.ts'

const root = join(import.meta.dirname, '../../..')

/** Not ours: what is in front of the system's programs there can be slower than they are. */
const path = '/usr/local/bin:/usr/bin:/bin'

export interface PodPlace {
  readonly name: string
  /** Its machine's own disk. */
  readonly directory: string
  readonly redisPort: number
  readonly leaseMs: number
  readonly env: Readonly<Record<string, string>>
}

/** `agenticore serve` on a machine of its own, with a wire of its own to Redis. */
export class ChaosPod {
  readonly name: string
  readonly url: string
  readonly proxy: WireUnderTest
  /** When it was ended without a word, in ms since the epoch. */
  readonly kills: number[] = []
  /** Times in which it could do nothing about its agents, and those may have gone on without it. */
  readonly absences = new Spans()
  /** Whatever may have cost it its leases. */
  readonly troubles = new Spans()
  readonly #place: PodPlace
  readonly #port: number
  readonly #closeProxy: () => Promise<void>
  readonly #machine: Machine
  readonly #isClosed = new AbortController()
  /** What is over when it is there again. */
  readonly #untilBack = new Set<(more?: number) => void>()
  /** How often its server has ended, and nobody had asked for it. */
  failures = 0
  #program: Program | undefined

  private constructor(place: PodPlace, port: number, wire: { proxy: WireUnderTest; close(): Promise<void> }) {
    this.#place = place
    this.#port = port
    this.#machine = new Machine(place.directory)
    this.proxy = wire.proxy
    this.#closeProxy = wire.close
    this.name = place.name
    this.url = `http://127.0.0.1:${port}`
  }

  static async start(place: PodPlace): Promise<ChaosPod> {
    mkdirSync(join(place.directory, 'tmp'), { recursive: true })
    copyFileSync(join(import.meta.dirname, 'agent'), join(place.directory, 'agent'))
    const pod = new ChaosPod(place, await freePort(), await openProxy(place.redisPort))
    await pod.#start()
    void pod.#watch()
    return pod
  }

  /** Where it makes working trees. */
  get scratch(): string {
    return join(this.#place.directory, '.agenticore/worktrees')
  }

  /** What its agents say. */
  get marks(): string {
    return join(this.#place.directory, 'marks')
  }

  /** SIGKILL, and a new one at once, which ends what the one before has left running. */
  async kill(): Promise<void> {
    this.#untilBack.add(this.absences.begin('killed')).add(this.troubles.begin('killed'))
    await this.#end('SIGKILL')
    this.kills.push(Date.now())
    await this.#start()
  }

  /** Its machine is gone with all that ran there; so long after that it is back. */
  async lose(ms: number): Promise<void> {
    this.#untilBack.add(this.troubles.begin('lost'))
    const program = this.#expectEnd()
    await this.#machine.lose()
    await program?.over()
    this.kills.push(Date.now())
    await delay(ms)
    await this.#start()
  }

  /** Its work is handed over, and a new one takes its place. */
  async replace(): Promise<void> {
    await this.#leave()
    await this.#start()
  }

  /** The server stands still for so long, its agents do not. Then it has as long to notice as leases leave it to stop. */
  async freeze(ms: number): Promise<void> {
    const [present, mended] = [this.absences.begin('stood still'), this.troubles.begin('stood still')]
    this.#program?.signal('SIGSTOP')
    await delay(ms)
    this.#program?.signal('SIGCONT')
    present(this.#place.leaseMs / 3000)
    mended()
  }

  async close(): Promise<void> {
    this.#isClosed.abort()
    this.#program?.signal('SIGCONT')
    await this.#leave()
    await this.#machine.close()
    await this.#closeProxy()
  }

  async #leave(): Promise<void> {
    const program = this.#expectEnd()
    program?.signal('SIGTERM')
    await delay(200)
    program?.signal('SIGTERM')
    await program?.over()
  }

  async #start(): Promise<void> {
    const { name, directory, env } = this.#place
    const program = await this.#machine.run(join(root, 'bin/agenticore'), ['serve', '--port', String(this.#port)], {
      PATH: path,
      HOME: directory,
      TMPDIR: join(directory, 'tmp'),
      NODE_COMPILE_CACHE: join(root, '.tap/compile-cache'),
      AGENTICORE_CLAUDE_BINARY: join(directory, 'agent'),
      AGENTICORE_AGENT_ISOLATION: 'none',
      AGENTICORE_MIN_FREE_DISK: '1MiB',
      AGENTICORE_POD_NAME: name,
      REDIS_URL: `redis://127.0.0.1:${this.proxy.port}`,
      ANTHROPIC_API_KEY: 'sk-ant-chaos-0123456789',
      ...env,
    })
    this.#program = program
    void this.#mind(program)
    program.stderr?.pipe(createWriteStream(`${directory}.log`, { flags: 'a' }))
  }

  /** It is not to end by itself; when it does it is started again, as whoever runs it would. */
  async #mind(program: Program): Promise<void> {
    await program.over()
    if (this.#isClosed.signal.aborted || this.#program !== program) return
    this.failures += 1
    this.#untilBack.add(this.absences.begin('failed')).add(this.troubles.begin('failed'))
    await this.#start()
  }

  /** Who says it is ready has put right what the one before has left. */
  async #watch(): Promise<void> {
    const { signal } = this.#isClosed
    while (!signal.aborted) {
      await delay(200, undefined, { signal }).catch(() => undefined)
      const waiting = [...this.#untilBack]
      const program = this.#program
      if (waiting.length === 0 || !(await this.#isReady()) || program !== this.#program) continue
      for (const over of waiting) {
        over()
        this.#untilBack.delete(over)
      }
    }
  }

  async #isReady(): Promise<boolean> {
    try {
      return (await fetch(`${this.url}/ready`, { signal: AbortSignal.timeout(2000) })).ok
    } catch {
      return false
    }
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const program = this.#expectEnd()
    program?.signal(signal)
    await program?.over()
  }

  #expectEnd(): Program | undefined {
    const program = this.#program
    this.#program = undefined
    return program
  }
}
