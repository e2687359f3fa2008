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
  async sleep(ms, signal) {
    try {
      let left = ms
      do {
        await delay(Math.min(left, longestTimerMs), undefined, signal ? { signal } : {})
        left -= longestTimerMs
      } while (left > 0)
    } catch (error) {
      signal?.throwIfAborted()
      throw error
    }
  },
  deadline(ms, reason) {
    const controller = new AbortController()
    let timer: NodeJS.Timeout
    const wait = (left: number): void => {
      const over = (): void => (left > longestTimerMs ? wait(left - longestTimerMs) : controller.abort(reason))
      timer = setTimeout(over, Math.min(left, longestTimerMs))
    }
    wait(ms)
    return { signal: controller.signal, stop: () => clearTimeout(timer) }
  },
}

/** Until `ms` are over, or the signal aborts: who waits may be told that it is enough. */
export async function pause(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
  try {
    await clock.sleep(ms, signal)
  } catch (error) {
    if (!signal?.aborted) throw error
  }
}

/** A timer of Node's that is given more fires at once. */
const longestTimerMs = 2 ** 31 - 1
