import { Redis } from 'ioredis'
import { AgenticoreError } from '../../jobs/errors.ts'
import { backoffMs } from '../../util/backoff.ts'
import { type Clock, pause } from '../../util/clock.ts'
import { messageOf } from '../../util/error-code.ts'
import { type RedisPlace, redisOptions, redisPlace } from './address.ts'

export interface LinkOptions {
  readonly url: string
  /** Shown by CLIENT LIST. */
  readonly name: string
  readonly clock: Clock
  /** In [0, 1). */
  random(): number
  warn(message: string): void
  /** So long a reply may take before another connection is made; 5 s, if not given. */
  readonly replyMs?: number
  /** Done each time the connection is there, before anything else goes over it; one that fails is done again on another. */
  greet?(client: Redis): Promise<void>
}

/** Of a command; one that is only known when it is sent, such as the time, is asked for then. */
export type Word = string | (() => string)

const connectMs = 5000
const replyMs = 5000
/** For the other side to hang up, too, when we close; who has to leave in time does not wait longer. */
const farewellMs = 200
/** A connection that carries nothing any more shows that only when something is asked over it. */
const pingEveryMs = 10_000
const reconnect = { baseMs: 50, maxMs: 2000 }
const again = { baseMs: 25, maxMs: 1000 }

/**
 * What Redis says when it cannot now, and may soon: it starts, fails over, another script holds it up, its memory or disk is
 * full, or somebody has to let us in again.
 */
const passing =
  /^(LOADING|READONLY|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|BUSY|UNBLOCKED|NOREPLICAS|OOM|MISCONF|NOAUTH|WRONGPASS|NOPERM|ERR max number of clients)\b/

/**
 * One connection for one purpose. Whatever goes over it may be sent again: ioredis never does so by itself, because it
 * cannot know what was carried out, and here only scripts that say what a replay does are sent.
 */
export class RedisLink {
  readonly client: Redis
  readonly #options: LinkOptions
  readonly #closing = new AbortController()
  #greeted: Promise<void> = Promise.resolve()
  #isDown = false
  /** Since a greeting was last answered: a server that lets in and then refuses is not asked without a pause. */
  #connects = 0
  /** Why there is no connection, as far as it is known. */
  #why: unknown

  constructor(options: LinkOptions) {
    this.#options = options
    const { url, name, random, replyMs: commandTimeout = replyMs } = options
    const settings: RedisPlace = {
      ...redisOptions(url),
      connectionName: name,
      lazyConnect: true,
      enableOfflineQueue: false,
      autoResendUnfulfilledCommands: false,
      // The greeting does it: what ioredis sends by itself fails where nobody hears of it, and that ends the process.
      autoResubscribe: false,
      maxRetriesPerRequest: 0,
      connectTimeout: connectMs,
      commandTimeout,
      disconnectTimeout: farewellMs,
      retryStrategy: () => backoffMs(this.#connects++, reconnect, random()),
      sentinelRetryStrategy: times => backoffMs(times - 1, reconnect, random()),
      // A master that has become a replica: the next connection finds the new one.
      reconnectOnError: error => error.message.startsWith('READONLY'),
    }
    this.client = new Redis(settings)
    this.client.on('error', (error: Error) => this.#down(error))
    this.client.on('ready', () => this.#up())
    void this.client.connect().catch((error: unknown) => this.#down(error))
    void this.#ping()
  }

  /** True while nothing is known to be wrong. */
  get isUp(): boolean {
    return !this.#isDown && this.client.status === 'ready'
  }

  /**
   * @param patienceMs how long it is tried again while Redis is away
   * @throws AgenticoreError `store_unavailable`; what was sent may have been carried out
   */
  async call(args: readonly [string, ...Word[]], patienceMs: number): Promise<unknown> {
    const { clock, random } = this.#options
    const startMs = clock.monotonicMs()
    for (let failures = 0; ; failures++) {
      try {
        return await this.#send(args)
      } catch (error) {
        if (isReply(error) && !passing.test(error.message)) throw error
        const isOver = clock.monotonicMs() - startMs >= patienceMs || this.#closing.signal.aborted
        if (isOver) throw this.#away(error)
        await clock.sleep(backoffMs(failures, again, random()), this.#closing.signal).catch(() => undefined)
      }
    }
  }

  async close(): Promise<void> {
    this.#closing.abort()
    this.client.disconnect()
  }

  async #send([command, ...args]: readonly [string, ...Word[]]): Promise<unknown> {
    if (this.client.status !== 'ready') throw this.#why ?? new Error(`not connected (${this.client.status})`)
    const { stream } = this.client
    await this.#greeted
    this.#gather()
    try {
      return await this.client.call(command, ...args.map(arg => (typeof arg === 'string' ? arg : arg())))
    } catch (error) {
      if (isLate(error)) replace(stream, error)
      throw error
    }
  }

  /** What is sent at one time goes out in one write: a write of its own costs more than what it says. */
  #gather(): void {
    const { stream } = this.client
    if (stream.writableCorked > 0) return
    stream.cork()
    process.nextTick(() => stream.uncork())
  }

  #up(): void {
    const { stream } = this.client
    this.#greeted = this.#greet()
    this.#greeted.then(
      () => this.#answers(),
      (error: Error) => replace(stream, error),
    )
  }

  async #greet(): Promise<void> {
    try {
      await this.#options.greet?.(this.client)
    } catch (error) {
      // No answer to what others ask over this link, even if it is one.
      throw new Error(messageOf(error), { cause: error })
    }
  }

  #answers(): void {
    if (this.#isDown) this.#options.warn(`Redis at ${this.#place} answers again.`)
    this.#isDown = false
    this.#why = undefined
    this.#connects = 0
  }

  async #ping(): Promise<void> {
    const { signal } = this.#closing
    while (!signal.aborted) {
      await pause(this.#options.clock, pingEveryMs, signal)
      // Whatever goes wrong is dealt with where it does.
      if (this.client.status === 'ready') await this.#send(['PING']).catch(() => undefined)
    }
  }

  /** One line for an outage, however long it lasts. */
  #down(error: unknown): void {
    this.#why = error
    if (this.#isDown || this.#closing.signal.aborted) return
    this.#isDown = true
    this.#options.warn(`Redis at ${this.#place} does not answer: ${messageOf(error)}; it is tried again.`)
  }

  #away(cause: unknown): AgenticoreError {
    return new AgenticoreError('store_unavailable', `Redis at ${this.#place}: ${messageOf(cause)}.`, { cause })
  }

  get #place(): string {
    return redisPlace(this.#options.url)
  }
}

/** Says of a connection that it is of no use; ioredis makes another one. Ending it politely would wait for the other side. */
const replace = (stream: Redis['stream'], why: Error): void => void stream.destroy(why)

/** Of ioredis: no reply in `commandTimeout`. */
const isLate = (error: unknown): error is Error => error instanceof Error && error.message === 'Command timed out'

/** What Redis has answered, and not what came between. */
export const isReply = (error: unknown): error is Error => error instanceof Error && error.name === 'ReplyError'
