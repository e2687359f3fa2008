import type { Job, JobId } from '../../jobs/job.ts'
import type { Journal, Reaped } from '../../jobs/ports.ts'
import { messageOf } from '../../util/error-code.ts'
import type { Endings, Inheriting } from './endings.ts'
import type { Holder, Holders } from './holders.ts'
import type { Markers } from './markers.ts'
import type { Waiting } from './waiting.ts'

export interface ReaperParts {
  readonly journal: Journal
  readonly queue: Markers
  readonly holders: Holders
  readonly endings: Endings
  readonly waiting: Waiting
  /** Ends a job that is back in the queue and was to be cancelled. */
  heed(job: Job): Promise<Job>
  warn(message: string): void
}

/**
 * Takes back what holders that are gone have left, and ends what has waited too long. Whatever goes wrong with one job
 * is said; it stays as it is for the next reaper, and the others are seen to.
 */
export class Reaper {
  readonly #parts: ReaperParts

  constructor(parts: ReaperParts) {
    this.#parts = parts
  }

  async reap(told: Inheriting): Promise<Reaped[]> {
    const { holders, warn } = this.#parts
    const reaped: Reaped[] = []
    const inherit = async (dead: Holder): Promise<void> => {
      for (const id of await dead.markers.ids())
        reaped.push(...(await this.#one(id, () => this.#inherit(id, dead, told))))
    }
    await holders.eachDead(inherit, (boot, error) =>
      warn(`What process ${boot} held is left as it is until the next look: ${messageOf(error)}`),
    )
    return [...reaped, ...(await this.#endWaiting())]
  }

  async #inherit(id: JobId, dead: Holder, told: Inheriting): Promise<Reaped | undefined> {
    const { endings, heed } = this.#parts
    const found = await endings.inherit(id, dead, told)
    return found && { ...found, job: await heed(found.job) }
  }

  /**
   * What waits and is not to start any more: overdue, or cancelled by somebody who died doing so. And markers of what
   * does not wait at all.
   */
  async #endWaiting(): Promise<Reaped[]> {
    const ended: Reaped[] = []
    for (const id of await this.#parts.queue.ids()) ended.push(...(await this.#one(id, () => this.#endIfOver(id))))
    return ended
  }

  async #endIfOver(id: JobId): Promise<Reaped | undefined> {
    const { journal, endings, waiting } = this.#parts
    const found = await journal.read(id)
    const job = found && (await endings.marked(found))
    return job && (job.status !== 'queued' || endings.isOver(job)) ? await waiting.end(id) : undefined
  }

  async #one(id: JobId, see: () => Promise<Reaped | undefined>): Promise<Reaped[]> {
    try {
      const found = await see()
      return found ? [found] : []
    } catch (error) {
      const kept = 'It is left as it is, with all that is kept of it, until the next look.'
      this.#parts.warn(`Job ${id} could not be seen to: ${messageOf(error)}. ${kept}`)
      return []
    }
  }
}
