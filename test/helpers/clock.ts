import type { Clock } from '../../src/util/clock.ts'

/** A clock that stands still until it is moved; sleepers wake when it passes them. */
export class ManualClock implements Clock {
  #nowMs = Date.parse('2026-11-23T12:00:00Z')
  #sleepers: { readonly at: number; wake(): void }[] = []
  #waiters: (() => void)[] = []

  now(): Date {
    return new Date(this.#nowMs)
  }

  monotonicMs(): number {
    return this.#nowMs
  }

  advance(ms: number): void {
    this.#nowMs += ms
    const due = this.#sleepers.filter(sleeper => sleeper.at <= this.#nowMs)
    this.#sleepers = this.#sleepers.filter(sleeper => sleeper.at > this.#nowMs)
    for (const sleeper of due) sleeper.wake()
  }

  /** Resolves when somebody sleeps or has set a deadline. */
  async slept(): Promise<void> {
    if (this.#sleepers.length === 0) await new Promise<void>(resolve => this.#waiters.push(resolve))
  }

  #add(sleeper: { readonly at: number; wake(): void }): void {
    this.#sleepers.push(sleeper)
    for (const waiter of this.#waiters.splice(0)) waiter()
  }

  async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted()
    await new Promise<void>((resolve, reject) => {
      this.#add({ at: this.#nowMs + ms, wake: resolve })
      signal?.addEventListener('abort', () => reject(signal.reason), { once: true })
    })
  }

  deadline(ms: number, reason: Error) {
    const controller = new AbortController()
    const sleeper = { at: this.#nowMs + ms, wake: () => controller.abort(reason) }
    this.#add(sleeper)
    const stop = (): void => {
      this.#sleepers = this.#sleepers.filter(each => each !== sleeper)
    }
    return { signal: controller.signal, stop }
  }
}

/** A clock on which every sleep is over at once, and kept. */
export class SleeplessClock extends ManualClock {
  /** The sleeps asked for, in ms. */
  readonly sleeps: number[] = []

  override async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted()
    this.sleeps.push(ms)
    this.advance(ms)
  }
}
