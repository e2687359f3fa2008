import { AgenticoreError } from '../../jobs/errors.ts'
import type { Job, JobId } from '../../jobs/job.ts'
import type { Journal, Lease, Reaped } from '../../jobs/ports.ts'
import { isJobId } from '../../jobs/record.ts'
import { abandoned, schemaVersion } from '../../jobs/states.ts'
import type { Clock } from '../../util/clock.ts'
import { messageOf } from '../../util/error-code.ts'
import type { Boot } from './boot.ts'
import type { Endings } from './endings.ts'
import type { Rebuild } from './rebuild.ts'
import { nowMs } from './redis-clock.ts'
import { lists, texts, worded } from './replies.ts'
import type { Restoring } from './restoring.ts'
import type { Scripts } from './scripts.ts'
import type { Settling } from './settling.ts'

export interface ReaperParts {
  readonly scripts: Scripts
  readonly journal: Journal
  readonly clock: Clock
  readonly waits: Clock
  readonly boot: Boot
  readonly endings: Endings
  readonly settling: Settling
  readonly rebuild: Rebuild
  readonly restoring: Restoring
  readonly leaseMs: number
  /** How long whoever has ended a job may take to write that down. */
  readonly endingMs: number
  /** Since when Redis has been there, on the monotonic clock. */
  sinceMs(): number
  warn(message: string): void
}

/** Who is told of attempts that are taken back. */
export interface Told {
  end(lease: Lease): Promise<void>
  about(reaped: Reaped): Promise<void>
}

const atOnce = 100
/** Whether Redis has them: it does nothing else meanwhile. */
const askedAtOnce = 500

/**
 * Takes back what holders that are gone have left, and ends what has waited too long. Every pod does this; a lease that
 * has run out is seized by one of them, which is its holder from then on. After Redis has been away its holders get the
 * time of one lease to come back first.
 */
export class Reaper {
  readonly #parts: ReaperParts
  #auditedMs = Number.NaN

  constructor(parts: ReaperParts) {
    this.#parts = parts
  }

  async reap(told: Told): Promise<Reaped[]> {
    const { scripts, clock, rebuild, endingMs } = this.#parts
    await this.#audit()
    const patient = this.#isTooEarly ? '1' : ''
    const [late = [], waiting = [], ending = [], left = []] = lists(
      await scripts.run('overdue', nowMs(clock), atOnce, patient, endingMs),
    )
    const reaped = await this.#each(late, async id => await this.#inherit(id, told))
    const expired = await this.#each(waiting, async id => await this.#expire(id))
    await this.#each(ending, async id => await this.#parts.endings.complete(id))
    if (left.length > 0) await rebuild.goOn()
    return [...reaped, ...expired]
  }

  /** Once a connection: jobs that were accepted, and that Redis has lost while nobody was there to see it. */
  async #audit(): Promise<void> {
    const { scripts, journal, restoring, sinceMs } = this.#parts
    const since = sinceMs()
    if (since === this.#auditedMs) return
    const active = await journal.active()
    for (let start = 0; start < active.length; start += askedAtOnce) {
      const missing = texts(await scripts.run('missing', ...active.slice(start, start + askedAtOnce)))
      await this.#each(missing, async id => await restoring.marked(id))
    }
    this.#auditedMs = since
  }

  async #inherit(id: JobId, { end, about }: Told): Promise<Reaped | undefined> {
    const { scripts, boot, leaseMs, settling, clock } = this.#parts
    const patient = this.#isTooEarly ? '1' : ''
    const { job } = worded(await scripts.run('seize', id, boot.id, leaseMs, patient, schemaVersion))
    if (!job) return undefined
    const lease = { job, fence: job.fence }
    await end(lease)
    const said = await this.#outcomeOf(job)
    if (!said) await about({ lease, job: abandoned(job, clock.now()) })
    return { lease, job: await settling.inherit(lease, said) }
  }

  /** Of this attempt; one that cannot be read is none. */
  async #outcomeOf({ id, fence }: Job): Promise<Job | undefined> {
    try {
      const outcome = await this.#parts.journal.readOutcome(id)
      return outcome?.fence === fence ? outcome : undefined
    } catch (error) {
      if (error instanceof AgenticoreError && error.code === 'corrupt_record') return undefined
      throw error
    }
  }

  async #expire(id: JobId): Promise<Reaped | undefined> {
    const { scripts, endings } = this.#parts
    const { job, isNew } = await endings.expire(scripts, id)
    return job && isNew ? { lease: { job, fence: job.fence }, job } : undefined
  }

  async #each<T>(ids: readonly string[], see: (id: JobId) => Promise<T | undefined>): Promise<T[]> {
    const found: T[] = []
    for (const id of ids.filter(isJobId)) {
      try {
        const seen = await see(id)
        if (seen !== undefined) found.push(seen)
      } catch (error) {
        const kept = 'It is left as it is, with all that is kept of it, until the next look.'
        this.#parts.warn(`Job ${id} could not be seen to: ${messageOf(error)}. ${kept}`)
      }
    }
    return found
  }

  get #isTooEarly(): boolean {
    const { waits, sinceMs, leaseMs } = this.#parts
    return waits.monotonicMs() - sinceMs() < leaseMs
  }
}
