import { join } from 'node:path'
import { isFinal, type Job, type JobId } from '../../jobs/job.ts'
import type { PassingOver } from '../../jobs/passing-over.ts'
import type { Journal } from '../../jobs/ports.ts'
import { expired, isForgettable } from '../../jobs/states.ts'
import type { Clock } from '../../util/clock.ts'
import { removeStaleTemps } from '../../util/durable.ts'
import { madeAt } from '../../util/ids.ts'
import { tryKernelLock } from '../../util/kernel-lock.ts'
import type { Keys } from './keys.ts'
import { Markers } from './markers.ts'
import type { StorePoint } from './points.ts'
import type { Waiting } from './waiting.ts'

export interface SweeperParts {
  /** The journal's as well. */
  readonly root: string
  readonly journal: Journal
  readonly clock: Clock
  readonly queue: Markers
  readonly verdicts: Markers
  readonly waiting: Waiting
  readonly keys: Keys
  readonly passingOver: PassingOver
  reached(point: StorePoint): void
}

const hourMs = 3_600_000

/** Deletes what nobody needs any more. One process at a time: what it has looked at is then still so when it deletes. */
export class Sweeper {
  readonly #parts: SweeperParts

  constructor(parts: SweeperParts) {
    this.#parts = parts
  }

  /** @returns the jobs that were forgotten; none when somebody else is at it */
  async sweep(): Promise<Job[]> {
    const lock = await tryKernelLock(join(this.#parts.root, '.sweeping'))
    if (!lock) return []
    try {
      await this.#removeTemps()
      const forgotten = await this.#forget()
      await this.#giveUp()
      await this.#tidy()
      return forgotten
    } finally {
      lock.release()
    }
  }

  async #removeTemps(): Promise<void> {
    for (const place of ['', 'verdict', 'keys']) {
      await removeStaleTemps(join(this.#parts.root, place), this.#anHourAgo())
    }
  }

  async #forget(): Promise<Job[]> {
    const { journal, clock, passingOver } = this.#parts
    const forgotten: Job[] = []
    for (const id of await journal.ids()) {
      const job = await passingOver(() => journal.read(id))
      if (!job || !isForgettable(job, clock.now())) continue
      const gone = await passingOver(() => this.#remove(job))
      if (gone) forgotten.push(gone)
    }
    return forgotten
  }

  async #remove(job: Job): Promise<Job> {
    const { id, idempotencyKey: key } = job
    const { journal, keys, verdicts, passingOver, reached } = this.#parts
    if (key !== undefined) await passingOver(() => keys.drop(key, id))
    reached('sweep: key dropped')
    await verdicts.drop(id)
    await journal.remove(id)
    return job
  }

  /**
   * Submissions that came no further than their key, when the job, had it ended at once, would be forgotten. Whoever
   * makes the record decides: we, that there is no such job, or somebody who goes on with it after all.
   */
  async #giveUp(): Promise<void> {
    const { journal, clock, keys, passingOver } = this.#parts
    for (const job of await keys.owners(passingOver)) {
      const none = expired(job, new Date(job.createdAt))
      if (!isForgettable(none, clock.now()) || (await passingOver(() => journal.read(job.id)))) continue
      if (await journal.create(none)) await this.#remove(none)
    }
  }

  /** Markers without a record, of submissions that nobody will complete. */
  async #tidy(): Promise<void> {
    const { queue, waiting, passingOver } = this.#parts
    for (const id of await this.#withoutRecord(queue)) await passingOver(() => waiting.tidy(id))
    const active = new Markers(join(this.#parts.root, 'active'))
    for (const id of await this.#withoutRecord(active)) await this.#dropActive(active, id)
  }

  /** Whoever makes the record in this moment looks for the marker afterwards, and we for the record: one sees the other. */
  async #dropActive(active: Markers, id: JobId): Promise<void> {
    await active.drop(id)
    const job = await this.#parts.passingOver(() => this.#parts.journal.submission(id))
    if (job && !isFinal(job)) await active.put(id)
  }

  async #withoutRecord(markers: Markers): Promise<JobId[]> {
    const old = (await markers.ids()).filter(id => madeAt(id) < this.#anHourAgo())
    const known = new Set(old.length > 0 ? await this.#parts.journal.ids() : [])
    return old.filter(id => !known.has(id))
  }

  #anHourAgo(): Date {
    return new Date(this.#parts.clock.now().getTime() - hourMs)
  }
}
