import { stat } from 'node:fs/promises'
import type { JobId } from '../../jobs/job.ts'
import type { Clock } from '../../util/clock.ts'

export interface KnownIdsParts {
  readonly directory: string
  /** What is in there, in any order. */
  read(): Promise<JobId[]>
  readonly clock: Clock
}

/** A directory that is read faster than this is read whenever somebody asks. */
const smallMs = 2
const lookEveryMs = 1000
/** Reading a large one takes at most so small a part of the time. */
const looksPerTime = 20

/**
 * The ids in a directory. A small one is read each time. A large one is remembered: what this process does there is told,
 * what others do is seen a second later, or, where reading takes long, after twenty times that.
 */
export class KnownIds {
  readonly #parts: KnownIdsParts
  /** Ascending: the order of submission. */
  #ids: JobId[] = []
  #seen: bigint | undefined
  #tookMs = 0
  #nextLookMs = Number.NEGATIVE_INFINITY
  #looking: Promise<void> | undefined
  /** What was told while somebody looks; true: it is there. */
  readonly #told = new Map<JobId, boolean>()

  constructor(parts: KnownIdsParts) {
    this.#parts = parts
  }

  add(id: JobId): void {
    this.#told.set(id, true)
    const at = this.#placeOf(id)
    if (this.#ids[at] !== id) this.#ids.splice(at, 0, id)
  }

  remove(id: JobId): void {
    this.#told.set(id, false)
    const at = this.#placeOf(id)
    if (this.#ids[at] === id) this.#ids.splice(at, 1)
  }

  /** Ascending. Not to be kept: it may change. */
  async all(): Promise<readonly JobId[]> {
    await this.#look()
    return this.#ids
  }

  /** Newest first. @param before only what was submitted before that one */
  async newestFirst(before?: JobId): Promise<Iterable<JobId>> {
    await this.#look()
    return backwards(this.#ids, before === undefined ? this.#ids.length : this.#placeOf(before))
  }

  /** From 0 on, in the order of submission; undefined when it is not there. */
  async indexOf(id: JobId): Promise<number | undefined> {
    await this.#look()
    const at = this.#placeOf(id)
    return this.#ids[at] === id ? at : undefined
  }

  async #look(): Promise<void> {
    const isSmall = this.#tookMs < smallMs
    if (!isSmall && this.#parts.clock.monotonicMs() < this.#nextLookMs) return
    this.#looking ??= this.#lookNow(isSmall).finally(() => {
      this.#looking = undefined
    })
    await this.#looking
  }

  async #lookNow(isSmall: boolean): Promise<void> {
    const { directory, clock } = this.#parts
    const startMs = clock.monotonicMs()
    const mtimeNs = isSmall ? undefined : (await stat(directory, { bigint: true })).mtimeNs
    if (mtimeNs === undefined || mtimeNs !== this.#seen) await this.#read()
    this.#seen = mtimeNs
    this.#nextLookMs = clock.monotonicMs() + Math.max(lookEveryMs, (clock.monotonicMs() - startMs) * looksPerTime)
  }

  async #read(): Promise<void> {
    const { read, clock } = this.#parts
    this.#told.clear()
    const startMs = clock.monotonicMs()
    this.#ids = (await read()).sort()
    this.#tookMs = clock.monotonicMs() - startMs
    // What was done meanwhile may be in what was read, or not.
    for (const [id, isThere] of [...this.#told]) {
      if (isThere) this.add(id)
      else this.remove(id)
    }
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
