import type { OnWait } from '../jobs/pull-request.ts'
import { backoffMs } from '../util/backoff.ts'
import type { Clock } from '../util/clock.ts'
import { GitHubError } from './trouble.ts'

const mostTries = 4
const backoff = { baseMs: 1000, maxMs: 30_000 }
/** Spent on rate limits and back-off together, over all steps. */
const longestWaitMs = 10 * 60_000

export interface Waiting {
  readonly clock: Clock
  /** In [0, 1). */
  readonly random: () => number
}

/** How often and how long to try for one pull request: four times what may pass, ten minutes of waiting in all. */
export class Patience {
  readonly #waiting: Waiting
  readonly #signal: AbortSignal
  readonly #onWait: OnWait | undefined
  #waitedMs = 0

  constructor(waiting: Waiting, signal: AbortSignal, onWait?: OnWait) {
    this.#waiting = waiting
    this.#signal = signal
    this.#onWait = onWait
  }

  /**
   * @param step looks for what it is about to make: a try that failed may have made it
   * @throws Error what the last try failed with, and why there was no other
   */
  async keep<T>(step: () => Promise<T>): Promise<T> {
    for (let failures = 0; ; ) {
      try {
        return await step()
      } catch (error) {
        this.#signal.throwIfAborted()
        if (!(error instanceof GitHubError) || error.trouble.kind === 'final') throw error
        if (error.trouble.kind === 'passing') failures += 1
        await this.#wait(error, failures)
      }
    }
  }

  async #wait(error: GitHubError, failures: number): Promise<void> {
    const { clock, random } = this.#waiting
    if (failures === mostTries) throw givenUp(error, `Tried ${mostTries} times`)
    const waitMs = error.trouble.kind === 'limited' ? error.trouble.waitMs : backoffMs(failures, backoff, random())
    if (this.#waitedMs + waitMs > longestWaitMs) {
      const [next, waited, most] = [waitMs, this.#waitedMs, longestWaitMs].map(ms => Math.ceil(ms / 1000))
      throw givenUp(error, `The next try would be in ${next} s; of at most ${most} s, ${waited} s have been waited`)
    }
    await this.#onWait?.(error.message, waitMs)
    await clock.sleep(waitMs, this.#signal)
    this.#waitedMs += waitMs
  }
}

const givenUp = (error: GitHubError, why: string): Error => new Error(`${error.message}. ${why}.`, { cause: error })
