import { setTimeout as delay } from 'node:timers/promises'

/** All time comes through here, so that tests move it instead of waiting. */
export interface Clock {
  now(): Date
  /** Milliseconds on a clock that never jumps; only differences mean something. */
  monotonicMs(): number
  /** Resolves after `ms`; rejects with the signal's reason when aborted. Keeps the process alive. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
  /** A signal that aborts with `reason` after `ms`; `stop` frees the timer. */
  deadline(ms: number, reason: Error): { readonly signal: AbortSignal; stop(): void }
}

export const systemClock: Clock = {
  now: () => new Date(),
  monotonicMs: () => performance.now(),
  sleep: (ms, signal) => delay(ms, undefined, signal ? { signal } : {}),
  deadline(ms, reason) {
    const controller = new AbortController()
    const timer = setTimeout(() => controller.abort(reason), ms)
    return { signal: controller.signal, stop: () => clearTimeout(timer) }
  },
}
