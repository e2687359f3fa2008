import { join } from 'node:path'
import type { Job } from '../../jobs/job.ts'
import type { Journal } from '../../jobs/ports.ts'
import { isForgettable } from '../../jobs/states.ts'
import type { Clock } from '../../util/clock.ts'
import { removeStaleTemps } from '../../util/durable.ts'
import { tryKernelLock } from '../../util/kernel-lock.ts'
import type { Keys } from './keys.ts'
import type { Markers } from './markers.ts'
import type { PassingOver } from './passing-over.ts'
import type { StorePoint } from './points.ts'

export interface SweeperParts {
  readonly root: string
  readonly journal: Journal
  readonly clock: Clock
  readonly verdicts: Markers
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
      return await this.#forget()
    } finally {
      lock.release()
    }
  }

  async #removeTemps(): Promise<void> {
    const { root, clock } = this.#parts
    const anHourAgo = new Date(clock.now().getTime() - hourMs)
    for (const place of ['', 'verdict', 'keys']) await removeStaleTemps(join(root, place), anHourAgo)
  }

  async #forget(): Promise<Job[]> {
    const { journal, clock, keys, verdicts, passingOver, reached } = this.#parts
    const forgotten: Job[] = []
    for (const id of await journal.ids()) {
      const job = await passingOver(() => journal.read(id))
      if (!job || !isForgettable(job, clock.now())) continue
      const key = job.idempotencyKey
      if (key !== undefined) await passingOver(() => keys.drop(key, id))
      reached('sweep: key dropped')
      await verdicts.drop(id)
      await journal.remove(id)
      forgotten.push(job)
    }
    return forgotten
  }
}
