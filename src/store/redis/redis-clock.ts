import type { Clock } from '../../util/clock.ts'
import { texts } from './replies.ts'

/**
 * What time it is by Redis: the one clock that all pods share, while theirs may be wrong, or be put right in the middle of
 * something. It is asked when a connection is made, and now and then; in between it goes on with this machine's monotonic
 * clock. Waiting is this machine's business alone.
 */
export class RedisClock implements Clock {
  readonly #own: Clock
  /** How far Redis is ahead of the monotonic clock; undefined until it has been asked. */
  #aheadMs: number | undefined

  constructor(own: Clock) {
    this.#own = own
  }

  /** @param time asks for `TIME` */
  async set(time: () => Promise<unknown>): Promise<void> {
    const askedMs = this.#own.monotonicMs()
    const [seconds, micros] = texts(await time())
    const redisMs = Number(seconds) * 1000 + Number(micros) / 1000
    // It was that late at some moment in between. Where that can have been as we think, an answer that took long teaches nothing.
    const [least, most] = [redisMs - this.#own.monotonicMs(), redisMs - askedMs]
    this.#aheadMs = Math.min(Math.max(this.#aheadMs ?? least, least), most)
  }

  now(): Date {
    return this.#aheadMs === undefined ? this.#own.now() : new Date(this.#own.monotonicMs() + this.#aheadMs)
  }

  monotonicMs(): number {
    return this.#own.monotonicMs()
  }

  async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    await this.#own.sleep(ms, signal)
  }

  deadline(ms: number, reason: Error) {
    return this.#own.deadline(ms, reason)
  }
}

/** The time as scripts take it, when they are sent: in ms since 1970, and as it is written into records. */
export const nowMs = (clock: Clock) => (): string => String(clock.now().getTime())
export const nowText = (clock: Clock) => (): string => clock.now().toISOString()
