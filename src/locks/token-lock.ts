import { type Measures, noMeasures } from '../jobs/measures.ts'
import type { Lock } from '../jobs/ports.ts'
import type { Clock } from '../util/clock.ts'

/** What keeps locks for a fleet: each is some token's until a time that its owner puts off. */
export interface Tokens {
  /** True when the lock is the token's now, for so long; it may have been before. */
  take(name: string, token: string, forMs: number): Promise<boolean>
  /** Of that token alone. */
  giveBack(name: string, token: string): Promise<void>
}

export interface TokenLockParts {
  readonly tokens: Tokens
  readonly clock: Clock
  readonly measures?: Pick<Measures, 'lockWaited'>
}

const lastsMs = 30_000
const renewEveryMs = 10_000
const lookAgainMs = 250

/** Locks between the machines of a fleet. A holder that cannot say that it lives loses its lock, and hears of it in time. */
export class TokenLock implements Lock {
  readonly #parts: TokenLockParts

  constructor(parts: TokenLockParts) {
    this.#parts = parts
  }

  async withLock<T>(
    key: string,
    { signal, patienceMs }: { signal: AbortSignal; patienceMs: number },
    work: (lost: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const { clock, measures = noMeasures } = this.#parts
    const token = crypto.randomUUID()
    const startMs = clock.monotonicMs()
    const takenMs = await this.#acquire(key, token, { signal, untilMs: startMs + patienceMs })
    measures.lockWaited(clock.monotonicMs() - startMs)
    if (takenMs === undefined) return await work(new AbortController().signal)
    return await this.#renewed(key, token, takenMs, work)
  }

  /** @returns when it was asked for, on the monotonic clock; undefined when it was not to be had */
  async #acquire(
    key: string,
    token: string,
    { signal, untilMs }: { signal: AbortSignal; untilMs: number },
  ): Promise<number | undefined> {
    const { tokens, clock } = this.#parts
    for (;;) {
      signal.throwIfAborted()
      const askedMs = clock.monotonicMs()
      const isOurs = await tokens.take(key, token, lastsMs).catch(() => undefined)
      if (isOurs) return askedMs
      // Without whoever keeps the locks there are none: what must be true is not left to them.
      if (isOurs === undefined || clock.monotonicMs() >= untilMs) return undefined
      await clock.sleep(lookAgainMs, signal)
    }
  }

  async #renewed<T>(key: string, token: string, takenMs: number, work: (lost: AbortSignal) => Promise<T>): Promise<T> {
    const { tokens } = this.#parts
    const [lost, done] = [new AbortController(), new AbortController()]
    const renewing = this.#renew(key, token, { takenMs, lost, done: done.signal })
    try {
      return await work(lost.signal)
    } finally {
      done.abort()
      await renewing
      if (!lost.signal.aborted) await tokens.giveBack(key, token).catch(() => undefined)
    }
  }

  async #renew(
    key: string,
    token: string,
    { takenMs, lost, done }: { takenMs: number; lost: AbortController; done: AbortSignal },
  ): Promise<void> {
    const { tokens, clock } = this.#parts
    let heldMs = takenMs
    while (!done.aborted && !lost.signal.aborted) {
      const isOver = await clock.sleep(renewEveryMs, done).then(
        () => false,
        () => true,
      )
      if (isOver) return
      const askedMs = clock.monotonicMs()
      const isOurs = await tokens.take(key, token, lastsMs).catch(() => undefined)
      if (isOurs) heldMs = askedMs
      const isLate = clock.monotonicMs() - heldMs >= lastsMs - renewEveryMs
      if (isOurs === false || (isOurs === undefined && isLate)) lost.abort(new Error(`the lock ${key} is lost`))
    }
  }
}
