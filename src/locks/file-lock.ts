import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { lock } from 'proper-lockfile'
import { type Measures, noMeasures } from '../jobs/measures.ts'
import type { Lock } from '../jobs/ports.ts'
import type { Clock } from '../util/clock.ts'
import { hasCode } from '../util/error-code.ts'

/** A holder that stalls for less than this keeps its lock: two who take over a stale one do so together. */
const staleMs = 60_000
const updateMs = 15_000
const lookAgainMs = 200

type Release = () => Promise<void>

/** Locks between the processes that share a directory, by proper-lockfile. */
export class FileLock implements Lock {
  readonly #directory: string
  readonly #clock: Clock
  readonly #measures: Pick<Measures, 'lockWaited'>

  constructor(directory: string, clock: Clock, measures: Pick<Measures, 'lockWaited'> = noMeasures) {
    this.#directory = directory
    this.#clock = clock
    this.#measures = measures
  }

  async withLock<T>(
    key: string,
    { signal, patienceMs }: { signal: AbortSignal; patienceMs: number },
    work: (lost: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const lost = new AbortController()
    const started = this.#clock.monotonicMs()
    const release = await this.#acquire(key, { signal, patienceMs, lose: reason => lost.abort(reason) })
    this.#measures.lockWaited(this.#clock.monotonicMs() - started)
    try {
      return await work(lost.signal)
    } finally {
      // A lock that was taken over is somebody else's to release.
      if (!lost.signal.aborted) await release?.().catch(() => undefined)
    }
  }

  /** Undefined when it was not to be had. */
  async #acquire(
    key: string,
    { signal, patienceMs, lose }: { signal: AbortSignal; patienceMs: number; lose: (reason: Error) => void },
  ): Promise<Release | undefined> {
    const until = this.#clock.monotonicMs() + patienceMs
    const file = join(this.#directory, key)
    for (;;) {
      try {
        await mkdir(this.#directory, { recursive: true, mode: 0o700 })
        return await lock(file, { realpath: false, stale: staleMs, update: updateMs, onCompromised: lose })
      } catch (error) {
        // A disk that is full or read-only keeps nobody from working, only from waiting for others.
        if (!hasCode(error, 'ELOCKED') || this.#clock.monotonicMs() >= until) return undefined
      }
      await this.#clock.sleep(lookAgainMs, signal)
    }
  }
}
