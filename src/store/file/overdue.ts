import type { Job, JobId } from '../../jobs/job.ts'
import type { PassingOver } from '../../jobs/passing-over.ts'
import type { Journal } from '../../jobs/ports.ts'
import { startByMs } from '../../jobs/states.ts'
import { inBatches } from '../../util/batches.ts'
import type { Clock } from '../../util/clock.ts'
import type { RememberedMarkers } from './remembered-markers.ts'

export interface OverdueParts {
  readonly journal: Journal
  readonly clock: Clock
  readonly queue: RememberedMarkers
  readonly passingOver: PassingOver
  /** Ends the job if it is not to start any more. */
  look(id: JobId): Promise<Job | undefined>
}

/** What waits and should have started by now. A full queue may be long: each record is read once. */
export class Overdue {
  readonly #parts: OverdueParts
  /** Of what waits: when it has to have started. That does not change, but to never when it has. */
  readonly #startByMs = new Map<JobId, number>()
  #ending: Promise<void> | undefined

  constructor(parts: OverdueParts) {
    this.#parts = parts
  }

  /** For all who ask meanwhile. */
  async end(): Promise<void> {
    this.#ending ??= this.#end().finally(() => {
      this.#ending = undefined
    })
    await this.#ending
  }

  async #end(): Promise<void> {
    const { queue, clock, look } = this.#parts
    const waiting = new Set(await queue.known.all())
    for (const id of this.#startByMs.keys()) if (!waiting.has(id)) this.#startByMs.delete(id)
    await inBatches(
      [...waiting].filter(id => !this.#startByMs.has(id)),
      id => this.#note(id),
    )
    const now = clock.now().getTime()
    for (const [id, startBy] of this.#startByMs) if (startBy <= now) await look(id)
  }

  async #note(id: JobId): Promise<void> {
    const job = await this.#parts.passingOver(() => this.#parts.journal.read(id))
    if (job) this.#startByMs.set(id, startByMs(job))
  }
}
