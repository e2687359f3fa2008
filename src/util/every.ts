import type { Clock } from './clock.ts'

/**
 * Does `work` now and then, one at a time, until the signal aborts. Resolves when the last one is over.
 * @param failed told of what it throws; the next time comes all the same
 */
export async function every(
  ms: number,
  { clock, signal, failed }: { clock: Clock; signal: AbortSignal; failed(error: unknown): void },
  work: () => Promise<void>,
): Promise<void> {
  while (!signal.aborted) {
    try {
      await clock.sleep(ms, signal)
      await work()
    } catch (error) {
      if (!signal.aborted) failed(error)
    }
  }
}
