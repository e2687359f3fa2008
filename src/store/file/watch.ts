import type { Changes } from '../../jobs/changes.ts'
import type { Job } from '../../jobs/job.ts'
import { Watchers } from '../../jobs/watchers.ts'
import { type Clock, pause } from '../../util/clock.ts'
import { messageOf } from '../../util/error-code.ts'
import { Others, type OthersParts } from './others.ts'

export interface WatchParts extends OthersParts {
  readonly changes: Changes
  readonly clock: Clock
  warn(message: string): void
}

/** How soon what other processes do is seen. */
const lookEveryMs = 1000
/** Looking takes at most so small a part of the time. */
const looksPerTime = 20

/** From the first watcher to the last one. */
interface Looking {
  /** Resolves when whatever others do from then on will be seen. */
  readonly begun: Promise<void>
  stop(): void
}

/**
 * Tells what happens to jobs: what this process does, at once; what others do, a second later. However many watch, one
 * looks for them all, and nobody does while none watches.
 */
export class Watch {
  readonly #parts: WatchParts
  readonly #watchers: Watchers
  #looking: Looking | undefined

  constructor(parts: WatchParts) {
    this.#parts = parts
    this.#watchers = new Watchers({
      look: id => parts.passingOver(() => parts.look(id)),
      watched: is => {
        this.#looking?.stop()
        this.#looking = is ? this.#look() : undefined
      },
    })
  }

  /** As `JobStore.watch` has it. */
  async watch(signal: AbortSignal): Promise<AsyncIterable<Job>> {
    const jobs = this.#watchers.watch(signal)
    await this.#looking?.begun
    return jobs
  }

  #look(): Looking {
    const { changes } = this.#parts
    const over = new AbortController()
    const stop = changes.listen((id, change) => change === 'record' && this.#watchers.changed(id))
    over.signal.addEventListener('abort', stop, { once: true })
    const begun = Promise.withResolvers<void>()
    void this.#lookAgain(over.signal, begun.resolve)
    return { begun: begun.promise, stop: () => over.abort() }
  }

  async #lookAgain(signal: AbortSignal, seen: () => void): Promise<void> {
    const { clock } = this.#parts
    const others = new Others(this.#parts)
    for (let failures = 0; !signal.aborted; ) {
      const startMs = clock.monotonicMs()
      try {
        const changed = await others.look()
        if (signal.aborted) break
        failures = 0
        for (const id of changed) this.#watchers.changed(id)
        seen()
      } catch (error) {
        // One line for a trouble, however long it lasts; what happens meanwhile is seen after it.
        if (failures === 0) this.#parts.warn(`What other processes do to jobs cannot be seen: ${messageOf(error)}`)
        failures += 1
      }
      const tookMs = clock.monotonicMs() - startMs
      await pause(clock, Math.max(lookEveryMs, tookMs * looksPerTime), signal)
    }
    seen()
  }
}
