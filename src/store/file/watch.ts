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
  const changed = new Set<JobId>()
  let wake = new AbortController()
  const note = (id: JobId): void => {
    changed.add(id)
    wake.abort()
  }
  const stop = parts.changes.listen((id, change) => change === 'record' && note(id))
  const others = new Others(parts)
  try {
    await others.look()
    while (!signal.aborted) {
      for (const id of changed) {
        changed.delete(id)
        const job = await parts.passingOver(() => parts.look(id))
        if (job) yield withoutOutput(job)
        if (signal.aborted) return
      }
      wake = new AbortController()
      if (changed.size === 0) await pause(parts.clock, AbortSignal.any([signal, wake.signal]))
      if (!signal.aborted && others.isDue) for (const id of await others.look()) changed.add(id)
    }
  } finally {
    stop()
  }
}

/** What other processes do: who waits, and who has not ended. */
class Others {
  readonly #parts: WatchParts
  #waiting: ReadonlySet<JobId> = new Set()
  #active: ReadonlySet<JobId> = new Set()
  #lookedMs = 0

  constructor(parts: WatchParts) {
    this.#parts = parts
  }

  get isDue(): boolean {
    return this.#parts.clock.monotonicMs() - this.#lookedMs >= lookEveryMs
  }

  /** @returns jobs that are elsewhere than when it looked last */
  async look(): Promise<JobId[]> {
    const { clock, queue, active } = this.#parts
    const [waiting, going] = [new Set(await queue.ids()), new Set(await active.ids())]
    const moved = [...differing(this.#waiting, waiting), ...differing(this.#active, going)]
    this.#waiting = waiting
    this.#active = going
    this.#lookedMs = clock.monotonicMs()
    return moved
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
