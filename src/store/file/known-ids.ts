import type { Dirent } from 'node:fs'
import { opendir, readdir, stat } from 'node:fs/promises'
import type { JobId } from '../../jobs/job.ts'
import { isJobId } from '../../jobs/record.ts'
import type { Clock } from '../../util/clock.ts'
import { SortedIds } from './sorted-ids.ts'

export interface KnownIdsParts {
  readonly directory: string
  /** Which job an entry stands for, if it does. */
  idOf(entry: Dirent): JobId | undefined
  readonly clock: Clock
}

/** A directory that is read faster than this is read whenever somebody asks. */
const smallMs = 2
const lookEveryMs = 1000
/** Reading a large one takes at most so small a part of the time. */
const looksPerTime = 20
/** Who asks more often than this does not wait for a large one to be read. */
const patienceMs = 60_000
/** Read at once: others get their turn in between. */
const entriesAtOnce = 512

/**
 * The ids in a directory. A small one is read each time. A large one is remembered: what this process does there is told,
 * what others do is seen after a second, or, where reading takes long, after twenty times that; whoever comes when nobody
 * has asked for a minute waits for it. The first time it is exact.
 */
export class KnownIds {
  readonly #parts: KnownIdsParts
  readonly #ids = new SortedIds()
  #modified: bigint | undefined
  /** Read again since then: what happened in the same tick of the file system's clock is seen, too. */
  #isSettled = false
  #tookMs = 0
  #nextLookMs = Number.NEGATIVE_INFINITY
  #looking: Promise<void> | undefined
  /** What was told while somebody looks; true: it is there. */
  readonly #told = new Map<JobId, boolean>()

  constructor(parts: KnownIdsParts) {
    this.#parts = parts
  }

  add(id: JobId): void {
    if (this.#looking) this.#told.set(id, true)
    this.#ids.add(id)
  }

  remove(id: JobId): void {
    if (this.#looking) this.#told.set(id, false)
    this.#ids.remove(id)
  }

  /** Ascending. Not to be kept: it may change. */
  async all(): Promise<readonly JobId[]> {
    await this.#look()
    return this.#ids.all
  }

  /** Newest first. @param before only what was submitted before that one */
  async newestFirst(before?: JobId): Promise<Iterable<JobId>> {
    await this.#look()
    return this.#ids.newestFirst(before)
  }

  /** As far as is known without another look. */
  has(id: JobId): boolean {
    return this.#ids.indexOf(id) !== undefined
  }

  /** From 0 on, in the order of submission; undefined when it is not there. */
  async indexOf(id: JobId): Promise<number | undefined> {
    await this.#look()
    return this.#ids.indexOf(id)
  }

  async #look(): Promise<void> {
    const isSmall = this.#tookMs < smallMs
    const lateMs = this.#parts.clock.monotonicMs() - this.#nextLookMs
    if (!isSmall && lateMs < 0) return
    this.#looking ??= this.#lookNow(isSmall).finally(() => {
      this.#looking = undefined
    })
    if (isSmall || lateMs > patienceMs) return await this.#looking
    // The next one waits, and hears what is wrong.
    this.#looking.catch(() => {
      this.#nextLookMs = Number.NEGATIVE_INFINITY
    })
  }

  async #lookNow(isSmall: boolean): Promise<void> {
    const { directory, clock } = this.#parts
    this.#told.clear()
    const startMs = clock.monotonicMs()
    const modified = isSmall ? undefined : (await stat(directory, { bigint: true })).mtimeNs
    const isSame = modified !== undefined && modified === this.#modified
    if (!isSame || !this.#isSettled) await this.#read(isSmall)
    this.#modified = modified
    this.#isSettled = isSame
    this.#nextLookMs = clock.monotonicMs() + Math.max(lookEveryMs, (clock.monotonicMs() - startMs) * looksPerTime)
  }

  async #read(isSmall: boolean): Promise<void> {
    const startMs = this.#parts.clock.monotonicMs()
    const had = this.#ids.copy()
    const found = new Set<JobId>()
    for await (const entry of isSmall ? await this.#entries() : await this.#entriesByAndBy()) {
      const id = this.#parts.idOf(entry)
      if (id !== undefined) found.add(id)
    }
    this.#tookMs = this.#parts.clock.monotonicMs() - startMs
    this.#ids.update(had, found)
    // What was done meanwhile may be in what was read, or not.
    for (const [id, isThere] of this.#told) {
      if (isThere) this.#ids.add(id)
      else this.#ids.remove(id)
    }
  }

  async #entries(): Promise<Dirent[]> {
    return await readdir(this.#parts.directory, { withFileTypes: true })
  }

  async #entriesByAndBy(): Promise<AsyncIterable<Dirent>> {
    return await opendir(this.#parts.directory, { bufferSize: entriesAtOnce })
  }
}

/** Whose record of the journal it is. */
export function idOfRecord(entry: Dirent): JobId | undefined {
  const id = entry.name.slice(0, -'.json'.length)
  return entry.name.endsWith('.json') && entry.isFile() && isJobId(id) ? id : undefined
}

/** Who has had an attempt. */
export function idOfAttempts({ name }: Dirent): JobId | undefined {
  const id = name.slice(0, -'.d'.length)
  return name.endsWith('.d') && isJobId(id) ? id : undefined
}

export const idOfMarker = ({ name }: Dirent): JobId | undefined => (isJobId(name) ? name : undefined)
