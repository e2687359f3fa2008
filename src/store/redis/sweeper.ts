import { isFinal, type Job } from '../../jobs/job.ts'
import type { Journal } from '../../jobs/ports.ts'
import { isJobId } from '../../jobs/record.ts'
import { isForgettable } from '../../jobs/states.ts'
import type { Clock } from '../../util/clock.ts'
import { messageOf } from '../../util/error-code.ts'
import type { Boot } from './boot.ts'
import { nowMs } from './redis-clock.ts'
import { texts, worded } from './replies.ts'
import type { Scripts } from './scripts.ts'

export interface SweeperParts {
  readonly scripts: Scripts
  readonly journal: Journal
  readonly clock: Clock
  readonly boot: Boot
  warn(message: string): void
}

const lockMs = 60_000
const atOnce = 500

/** Deletes jobs that ended long enough ago: their files, then what Redis has of them. One pod at a time. */
export class Sweeper {
  readonly #parts: SweeperParts

  constructor(parts: SweeperParts) {
    this.#parts = parts
  }

  /** @returns the jobs that were forgotten; none when somebody else is at it */
  async sweep(): Promise<Job[]> {
    const { scripts, clock, boot } = this.#parts
    const forgotten: Job[] = []
    try {
      while ((await scripts.run('lock', 'sweep', boot.id, lockMs)) === 1) {
        const due = texts(await scripts.run('forgettable', nowMs(clock), atOnce)).filter(isJobId)
        const before = forgotten.length
        for (const id of due) forgotten.push(...(await this.#forget(id)))
        if (forgotten.length === before) break
      }
      return forgotten
    } finally {
      await scripts.run('unlock', 'sweep', boot.id)
    }
  }

  async #forget(id: Parameters<Journal['remove']>[0]): Promise<Job[]> {
    const { scripts, journal, clock, warn } = this.#parts
    try {
      const { job } = worded(await scripts.run('read', id))
      if (job && !(isFinal(job) && isForgettable(job, clock.now()))) return []
      // The other way round a kill in between would leave files that nobody finds.
      await journal.remove(id)
      await scripts.run('forget', id)
      return job ? [job] : []
    } catch (error) {
      warn(`Job ${id} could not be deleted: ${messageOf(error)}; it is tried again.`)
      return []
    }
  }
}
