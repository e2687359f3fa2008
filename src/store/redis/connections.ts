import type { Redis } from 'ioredis'
import { AgenticoreError } from '../../jobs/errors.ts'
import type { Journal } from '../../jobs/ports.ts'
import type { Clock } from '../../util/clock.ts'
import { every } from '../../util/every.ts'
import type { Boot } from './boot.ts'
import { Ear, type Heard } from './ear.ts'
import { RedisLink } from './link.ts'
import { Rebuild } from './rebuild.ts'
import { RedisClock } from './redis-clock.ts'
import { Restoring } from './restoring.ts'
import { examineRedis, type Safety } from './safety.ts'
import { type ScriptPoint, Scripts } from './scripts.ts'
import { Seen } from './seen.ts'
import { Snapshot } from './snapshot.ts'

export interface ConnectionsParts {
  readonly url: string
  readonly prefix: string
  readonly boot: Boot
  readonly journal: Journal
  readonly isJournalShared: boolean
  readonly leaseMs: number
  /** How long whoever has ended a job may take to write that down, before another pod does. */
  readonly endingMs: number
  /** For waiting, and this machine's time. */
  readonly waits: Clock
  /** In [0, 1). */
  random(): number
  warn(message: string): void
  /** Where the scripts are; the package's own, if not given: pods of two versions share a Redis while one replaces the other. */
  readonly scripts?: string
  /** Tests stop there. */
  reached?(point: ScriptPoint): void
}

/** Longer than a lease: who runs a job waits for Redis for as long as the job may still be theirs, and a while more. */
const workPatienceMs = 60_000
const lockPatienceMs = 3000
/** Clocks that are not set do not drift apart by more than some ms in that time. */
const clockEveryMs = 60_000
/** Somebody waits for the answer. */
const askPatienceMs = 2000

/**
 * A connection for each purpose: for the attempts of this pod, for those who ask, and to hear what others do; what one
 * of them waits for holds up none of the others.
 */
export class Connections {
  readonly #parts: ConnectionsParts
  readonly #work: RedisLink
  readonly #ask: RedisLink
  readonly #ear: Ear
  readonly #closing = new AbortController()
  readonly #snapshot: Snapshot
  /** Redis' own. */
  readonly clock: RedisClock
  readonly seen = new Seen()
  readonly restoring: Restoring
  readonly rebuild: Rebuild
  /** For the attempts of this pod. */
  readonly work: Scripts
  /** For those who wait for an answer. */
  readonly ask: Scripts

  constructor(parts: ConnectionsParts, heard: Heard) {
    const { prefix, waits: clock, boot, journal, isJournalShared, leaseMs, warn, random, url } = parts
    const { seen } = this
    this.#parts = parts
    this.clock = new RedisClock(clock)
    this.#snapshot = new Snapshot({ prefix, clock, seen })
    const about = { url, clock, random }
    const name = (purpose: string): string => `agenticore-${purpose}-${boot.id}`
    const greet = (client: Redis): Promise<void> => this.#greet(client)
    this.#work = new RedisLink({ ...about, name: name('work'), warn, greet })
    // One line for an outage, not three.
    const quiet = { warn: () => undefined }
    this.#ask = new RedisLink({ ...about, ...quiet, name: name('ask'), greet })
    this.#ear = new Ear({ ...about, ...quiet, name: name('ear'), prefix, boot: boot.id }, heard)
    const told = {
      ...(parts.reached ? { reached: parts.reached } : {}),
      ...(parts.scripts === undefined ? {} : { directory: parts.scripts }),
    }
    const bare = new Scripts({ link: this.#work, prefix, patienceMs: workPatienceMs, ...told })
    this.restoring = new Restoring({ scripts: bare, journal, leaseMs, isJournalShared, warn })
    const { restoring } = this
    const closing = this.#closing.signal
    this.rebuild = new Rebuild({ scripts: bare, journal, restoring, seen, clock, closing, warn })
    this.work = bare.with({ rebuild: () => this.rebuild.run() })
    this.ask = new Scripts({
      link: this.#ask,
      prefix,
      patienceMs: askPatienceMs,
      ...told,
      rebuild: () => this.#rebuiltSoon(clock),
    })
    void this.#keepTime()
  }

  /** Since when Redis has been there, on the monotonic clock. */
  get sinceMs(): number {
    return this.#snapshot.sinceMs
  }

  /** For locks, which last no longer than work can be done without knowing of them. */
  get tokens() {
    const work = this.work.with({ patienceMs: lockPatienceMs })
    return {
      take: async (name: string, token: string, forMs: number): Promise<boolean> =>
        (await work.run('lock', name, token, forMs)) === 1,
      giveBack: async (name: string, token: string): Promise<void> => void (await work.run('unlock', name, token)),
    }
  }

  async examine(): Promise<Safety> {
    return await examineRedis(this.#ask, this.#parts.waits)
  }

  /** Resolves when it hears what is meant for this pod. @throws AgenticoreError `store_unavailable` */
  async hears(): Promise<void> {
    await this.#ear.hears(askPatienceMs)
  }

  /** Resolves when it hears whatever happens to jobs from then on. @returns ends it */
  async follow(): Promise<() => void> {
    return await this.#ear.follow()
  }

  get isUp(): boolean {
    return this.#work.isUp
  }

  async close(): Promise<void> {
    this.#closing.abort()
    await this.rebuild.settled()
    for (const link of [this.#work, this.#ask, this.#ear]) await link.close()
  }

  async #greet(client: Redis): Promise<void> {
    await this.clock.set(() => client.time())
    await this.#snapshot.greet(client)
  }

  async #keepTime(): Promise<void> {
    // The next connection begins with it.
    const failed = (): void => undefined
    const how = { clock: this.#parts.waits, signal: this.#closing.signal, failed }
    await every(clockEveryMs, how, () => this.clock.set(() => this.#work.call(['TIME'], 0)))
  }

  async #rebuiltSoon(clock: Clock): Promise<void> {
    const late = clock.deadline(askPatienceMs, new Error('late'))
    const over = new Promise<never>((_, reject) => {
      const give = (): void => reject(stillReading())
      late.signal.addEventListener('abort', give, { once: true })
    })
    try {
      await Promise.race([this.rebuild.run(), over])
    } finally {
      late.stop()
    }
  }
}

const stillReading = (): AgenticoreError =>
  new AgenticoreError('store_unavailable', 'Redis has lost what it knew; the jobs are being read from the journal.')
