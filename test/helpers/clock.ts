import type { Clock } from '../../src/util/clock.ts'

/** A clock that stands still until it is moved; sleepers wake when it passes them. */
export class ManualClock implements Clock {
  #nowMs = Date.parse('2026-11-23T12:00:00Z')
  #sleepers: { readonly at: number; wake(): void }[] = []

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

  async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted()
    await new Promise<void>((resolve, reject) => {
      this.#sleepers.push({ at: this.#nowMs + ms, wake: resolve })
      signal?.addEventListener('abort', () => reject(signal.reason), { once: true })
    })
  }

  deadline(ms: number, reason: Error) {
    const controller = new AbortController()
    this.#sleepers.push({ at: this.#nowMs + ms, wake: () => controller.abort(reason) })
    return { signal: controller.signal, stop: () => undefined }
  }
}
