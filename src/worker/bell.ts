import { type Clock, pause } from '../util/clock.ts'

const rung = new Error('rung')

/** For a loop that looks now and then, and at once when it is told to. A ring that nobody waits for is heard later. */
export class Bell {
  readonly #clock: Clock
  #rung = new AbortController()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  ring(): void {
    // With a reason of our own none has to be made, with its stack, for each job.
    this.#rung.abort(rung)
  }

  /** Resolves at the next ring, or after `ms`. */
  async heard(ms: number): Promise<void> {
    const { signal } = this.#rung
    await pause(this.#clock, ms, signal)
    if (signal.aborted) this.#rung = new AbortController()
  }
}
