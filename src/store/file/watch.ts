import { createHash } from 'node:crypto'
import type { Changes } from '../../jobs/changes.ts'
import { type Job, type JobId, withoutOutput } from '../../jobs/job.ts'
import type { Clock } from '../../util/clock.ts'
import { Others, type OthersParts } from './others.ts'

export interface WatchParts extends OthersParts {
  readonly changes: Changes
  readonly clock: Clock
}

/**
 * Every change of every job from now on, without `output`. Those of this process come at once, those of others a second
 * later. For a slow reader several changes of a job are one. Ends when `signal` aborts.
 */
export function watchJobs(parts: WatchParts, signal: AbortSignal): AsyncIterable<Job> {
  const changed = new Changed(parts, signal)
  return tell(changed, parts, signal)
}

async function* tell(changed: Changed, parts: WatchParts, signal: AbortSignal): AsyncGenerator<Job> {
  try {
    while (!signal.aborted) {
      for (const id of await changed.next(signal)) {
        const job = await parts.passingOver(() => parts.look(id))
        if (signal.aborted) return
        if (job && changed.isNews(job)) yield withoutOutput(job)
      }
    }
  } finally {
    changed.close()
  }
}

/** Jobs that something has happened to. */
class Changed {
  readonly #parts: WatchParts
  readonly #others: Others
  readonly #ids = new Set<JobId>()
  /** What was told last of those that go on: what this process has done is seen a second time among all that is done. */
  readonly #told = new Map<JobId, string>()
  readonly close: () => void
  #rung = new AbortController()
  #nextLookMs = Number.NEGATIVE_INFINITY

  constructor(parts: WatchParts, signal: AbortSignal) {
    this.#parts = parts
    this.#others = new Others(parts)
    const stop = parts.changes.listen((id, change) => change === 'record' && this.#note(id))
    this.close = () => {
      stop()
      signal.removeEventListener('abort', this.close)
    }
    // Nobody may ever ask for the first change.
    if (signal.aborted) this.close()
    else signal.addEventListener('abort', this.close)
  }

  /** Those that are not told yet; waits until there may be some. */
  async next(signal: AbortSignal): Promise<JobId[]> {
    const { clock } = this.#parts
    const leftMs = this.#nextLookMs - clock.monotonicMs()
    if (this.#ids.size === 0 && leftMs > 0) await pause(clock, leftMs, AbortSignal.any([signal, this.#rung.signal]))
    if (clock.monotonicMs() >= this.#nextLookMs) await this.#look()
    const ids = [...this.#ids]
    this.#ids.clear()
    this.#rung = new AbortController()
    return ids
  }

  /** False when the job has been told just so. */
  isNews(job: Job): boolean {
    const now = createHash('sha1').update(JSON.stringify(job)).digest('base64')
    if (this.#told.get(job.id) === now) return false
    this.#told.set(job.id, now)
    return true
  }

  async #look(): Promise<void> {
    const { clock } = this.#parts
    const startMs = clock.monotonicMs()
    const found = new Set(await this.#others.look())
    for (const id of found) this.#ids.add(id)
    for (const id of this.#told.keys()) if (!found.has(id) && !this.#others.has(id)) this.#told.delete(id)
    const endMs = clock.monotonicMs()
    this.#nextLookMs = endMs + Math.max(lookEveryMs, (endMs - startMs) * looksPerTime)
  }

  #note(id: JobId): void {
    this.#ids.add(id)
    this.#rung.abort()
  }
}

/** How soon what other processes do is seen. */
const lookEveryMs = 1000
/** Looking takes at most so small a part of the time. */
const looksPerTime = 20

async function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  try {
    await clock.sleep(ms, signal)
  } catch (error) {
    if (!signal.aborted) throw error
  }
}
