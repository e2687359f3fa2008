import { type Clock, pause } from '../util/clock.ts'
import type { Worker } from './worker.ts'

/** What is kept back of the time of a drain, to hand over what has not finished. */
export const handOverMs = 25_000
/** And of that, to leave in time even if handing over takes for ever. */
const leaveMs = 3000
const tellEveryMs = 5000

export interface DrainProgress {
  readonly state: 'waiting' | 'handing_over' | 'drained' | 'out_of_time'
  readonly running: number
  /** Until the next step. */
  readonly leftMs: number
}

export interface DrainOptions {
  /** From now until it has to be over, whatever happens. */
  readonly timeoutMs: number
  /** Does not wait for jobs to end. */
  readonly now?: boolean
  /** Hurries: what runs is handed over as soon as this aborts. */
  readonly hurry?: AbortSignal
}

/**
 * Waits for what runs; hands over what does not end in time. No job is started from the first moment on. The last word is
 * `drained`, or `out_of_time` when something hangs.
 */
export async function* drain(
  worker: Worker,
  clock: Clock,
  { timeoutMs, now = false, hurry }: DrainOptions,
): AsyncGenerator<DrainProgress> {
  const startMs = clock.monotonicMs()
  const leftOf = (budgetMs: number): number => Math.max(0, startMs + budgetMs - clock.monotonicMs())
  const over = new AbortController()
  const drained = worker.drain().finally(() => over.abort())
  const waitUntil = async function* (state: DrainProgress['state'], budgetMs: number, stop?: AbortSignal) {
    while (!over.signal.aborted && !stop?.aborted && leftOf(budgetMs) > 0) {
      yield { state, running: worker.running, leftMs: leftOf(budgetMs) }
      const signals = [over.signal, ...(stop ? [stop] : [])]
      await pause(clock, Math.min(tellEveryMs, leftOf(budgetMs)), AbortSignal.any(signals))
    }
  }
  if (!now) yield* waitUntil('waiting', timeoutMs - handOverMs, hurry)
  if (!over.signal.aborted) {
    const handedOver = worker.handOver()
    yield* waitUntil('handing_over', timeoutMs - Math.min(leaveMs, timeoutMs / 2))
    if (over.signal.aborted) await handedOver
  }
  if (over.signal.aborted) await drained
  yield { state: over.signal.aborted ? 'drained' : 'out_of_time', running: worker.running, leftMs: 0 }
}
