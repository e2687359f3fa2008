import type { Changes } from '../../jobs/changes.ts'
import type { Job, JobId } from '../../jobs/job.ts'
import type { Clock } from '../../util/clock.ts'
import type { Markers } from './markers.ts'
import type { PassingOver } from './passing-over.ts'

export interface WatchParts {
  readonly changes: Changes
  readonly clock: Clock
  readonly queue: Markers
  readonly active: Markers
  readonly passingOver: PassingOver
  look(id: JobId): Promise<Job | undefined>
}

/** How soon what other processes do is seen. */
const lookEveryMs = 1000

/**
 * Every change of every job from now on, without `output`. Those of this process come at once; those of others, as far as
 * a job comes, starts, is given back or ends, a second later. For a slow reader several changes of a job are one.
 */
export async function* watchJobs(parts: WatchParts, signal: AbortSignal): AsyncGenerator<Job> {
  const changed = new Changed(parts)
  try {
    while (!signal.aborted) {
      for (const id of await changed.next(signal)) {
        const job = await parts.passingOver(() => parts.look(id))
        if (signal.aborted) return
        if (job) yield withoutOutput(job)
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
  readonly close: () => void
  #rung = new AbortController()

  constructor(parts: WatchParts) {
    this.#parts = parts
    this.#others = new Others(parts)
    this.close = parts.changes.listen((id, change) => change === 'record' && this.#note(id))
  }

  /** Those that are not told yet; waits until there may be some. */
  async next(signal: AbortSignal): Promise<JobId[]> {
    if (this.#ids.size === 0 && !this.#others.isDue)
      await pause(this.#parts.clock, AbortSignal.any([signal, this.#rung.signal]))
    if (this.#others.isDue) for (const id of await this.#others.look()) this.#ids.add(id)
    const ids = [...this.#ids]
    this.#ids.clear()
    this.#rung = new AbortController()
    return ids
  }

  #note(id: JobId): void {
    this.#ids.add(id)
    this.#rung.abort()
  }
}

/** What other processes do: who waits, and who has not ended. */
class Others {
  readonly #parts: WatchParts
  #places: readonly [waiting: ReadonlySet<JobId>, active: ReadonlySet<JobId>] | undefined
  #lookedMs = Number.NEGATIVE_INFINITY

  constructor(parts: WatchParts) {
    this.#parts = parts
  }

  get isDue(): boolean {
    return this.#parts.clock.monotonicMs() - this.#lookedMs >= lookEveryMs
  }

  /** @returns jobs that are elsewhere than when it looked last; none at the first time */
  async look(): Promise<JobId[]> {
    const { clock, queue, active } = this.#parts
    const [waiting, going] = [new Set(await queue.ids()), new Set(await active.ids())]
    const [wasWaiting, wasGoing] = this.#places ?? [waiting, going]
    this.#places = [waiting, going]
    this.#lookedMs = clock.monotonicMs()
    return [...differing(wasWaiting, waiting), ...differing(wasGoing, going)]
  }
}

const differing = (one: ReadonlySet<JobId>, other: ReadonlySet<JobId>): JobId[] => [
  ...[...one].filter(id => !other.has(id)),
  ...[...other].filter(id => !one.has(id)),
]

async function pause(clock: Clock, signal: AbortSignal): Promise<void> {
  try {
    await clock.sleep(lookEveryMs, signal)
  } catch (error) {
    if (!signal.aborted) throw error
  }
}

export function withoutOutput(job: Job): Job {
  const { output: _, ...rest } = job
  return rest
}
