import type { Job, JobId } from '../../jobs/job.ts'
import type { PassingOver } from '../../jobs/passing-over.ts'
import { inBatches } from '../../util/batches.ts'
import type { Markers } from './markers.ts'

export interface OthersParts {
  readonly queue: Markers
  /** Jobs that have not ended. */
  readonly active: Markers
  readonly passingOver: PassingOver
  /** The job as it is now. */
  look(id: JobId): Promise<Job | undefined>
}

/** What other processes do to jobs, seen by looking again and again at all that have not ended. */
export class Others {
  readonly #parts: OthersParts
  /** Each as it was; undefined before the first look. */
  #seen: ReadonlyMap<JobId, string> | undefined

  constructor(parts: OthersParts) {
    this.#parts = parts
  }

  /** @returns jobs that something has happened to since it looked last; none at the first time */
  async look(): Promise<JobId[]> {
    const { queue, active } = this.#parts
    const waiting = new Set(await queue.ids())
    const ids = await active.ids()
    const states = await inBatches(ids, id => (waiting.has(id) ? this.#waits(id) : this.#goes(id)))
    const now = new Map(ids.map((id, index) => [id, states[index] ?? '']))
    const before = this.#seen ?? now
    this.#seen = now
    return [...[...before.keys()].filter(id => !now.has(id)), ...ids.filter(id => before.get(id) !== now.get(id))]
  }

  /** Who starts it and gives it back moves its marker twice. */
  async #waits(id: JobId): Promise<string> {
    return `queued since ${await this.#parts.queue.since(id)}`
  }

  async #goes(id: JobId): Promise<string> {
    return JSON.stringify(await this.#parts.passingOver(() => this.#parts.look(id))) ?? ''
  }
}
