import { stat } from 'node:fs/promises'
import type { JobId } from '../../jobs/job.ts'
import type { Journal } from '../../jobs/ports.ts'
import type { Clock } from '../../util/clock.ts'

export interface KnownIdsParts {
  /** Where the records are. */
  readonly root: string
  readonly journal: Pick<Journal, 'ids'>
  readonly clock: Clock
}

const lookEveryMs = 1000
/** Looking takes at most so small a part of the time. */
const looksPerTime = 20

/**
 * The ids of all records, in memory. What this process does is told; what other ones do is found by looking at the
 * directory when it has changed, once in a while: a directory of 100,000 takes longer to read than a page of jobs.
 */
export class KnownIds {
  readonly #parts: KnownIdsParts
  /** Ascending: the order of submission. */
  #ids: JobId[] = []
  #seen: string | undefined
  #nextLookMs = Number.NEGATIVE_INFINITY
  #looking: Promise<void> | undefined

  constructor(parts: KnownIdsParts) {
    this.#parts = parts
  }

  add(id: JobId): void {
    const at = this.#placeOf(id)
    if (this.#ids[at] !== id) this.#ids.splice(at, 0, id)
  }

  remove(id: JobId): void {
    const at = this.#placeOf(id)
    if (this.#ids[at] === id) this.#ids.splice(at, 1)
  }

  /** Newest first. @param before only what was submitted before that one */
  async newestFirst(before?: JobId): Promise<Iterable<JobId>> {
    await this.#look()
    const ids = this.#ids
    const from = before === undefined ? ids.length : this.#placeOf(before)
    return backwards(ids, from)
  }

  async #look(): Promise<void> {
    if (this.#parts.clock.monotonicMs() < this.#nextLookMs) return
    this.#looking ??= this.#lookNow().finally(() => {
      this.#looking = undefined
    })
    await this.#looking
  }

  async #lookNow(): Promise<void> {
    const { root, journal, clock } = this.#parts
    const startMs = clock.monotonicMs()
    const { mtimeNs } = await stat(root, { bigint: true })
    if (String(mtimeNs) !== this.#seen) {
      const before = new Set(this.#ids)
      const found = (await journal.ids()).reverse()
      const known = new Set(found)
      // What was added while the directory was read may not be in what was read.
      const added = this.#ids.filter(id => !before.has(id) && !known.has(id))
      this.#ids = added.length === 0 ? found : [...found, ...added].sort()
      this.#seen = String(mtimeNs)
    }
    const tookMs = clock.monotonicMs() - startMs
    this.#nextLookMs = clock.monotonicMs() + Math.max(lookEveryMs, tookMs * looksPerTime)
  }

  /** Where the id is, or would be. */
  #placeOf(id: JobId): number {
    let [low, high] = [0, this.#ids.length]
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#ids[middle] ?? '') < id) low = middle + 1
      else high = middle
    }
    return low
  }
}

function* backwards(ids: readonly JobId[], from: number): Generator<JobId> {
  for (let at = from - 1; at >= 0; at--) {
    const id = ids[at]
    if (id !== undefined) yield id
  }
}
