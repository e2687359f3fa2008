import { isFinal, type Job } from '../../jobs/job.ts'
import type { ClaimRequest, Journal, Lease } from '../../jobs/ports.ts'
import { asSubmitted, schemaVersion } from '../../jobs/states.ts'
import type { Clock } from '../../util/clock.ts'
import { messageOf } from '../../util/error-code.ts'
import type { Boot } from './boot.ts'
import type { Endings } from './endings.ts'
import { nowMs, nowText } from './redis-clock.ts'
import { worded } from './replies.ts'
import type { Restoring } from './restoring.ts'
import type { Scripts } from './scripts.ts'
import type { Settling } from './settling.ts'

export interface ClaimsParts {
  readonly scripts: Scripts
  readonly journal: Journal
  readonly clock: Clock
  readonly waits: Clock
  readonly boot: Boot
  readonly leaseMs: number
  readonly endings: Endings
  readonly restoring: Restoring
  readonly settling: Settling
  warn(message: string): void
}

/** How a job leaves the queue: a script takes it, then the journal says whether this attempt may begin. */
export class Claims {
  readonly #parts: ClaimsParts
  #operations = 0

  constructor(parts: ClaimsParts) {
    this.#parts = parts
  }

  async claim(request: ClaimRequest): Promise<Lease | undefined> {
    const { endings } = this.#parts
    for (;;) {
      const askedMs = this.#parts.waits.monotonicMs()
      const { word, job } = await this.#take(request)
      if (!job) return undefined
      if (word === 'expired') await endings.fold(job)
      else if (await this.#begin(job)) return { job, fence: job.fence, askedMs }
    }
  }

  async #take({ podName, only = '' }: { podName: string; only?: string }) {
    const { scripts, clock, boot, leaseMs } = this.#parts
    this.#operations += 1
    const moment = [nowMs(clock), nowText(clock), leaseMs, schemaVersion] as const
    const operation = `${boot.id}:${this.#operations}`
    return worded(await scripts.run('claim', operation, only, podName, boot.id, boot.ordinal, ...moment))
  }

  /** @returns false when the journal knows of a later attempt, or of the end: Redis was behind, and is not any more */
  async #begin(job: Job): Promise<boolean> {
    const { restoring, settling, warn } = this.#parts
    try {
      if (await this.#opened(job)) {
        settling.hold(job)
        return true
      }
      await restoring.one(job.id)
      return false
    } catch (error) {
      await settling
        .giveBack({ job, fence: job.fence })
        .catch((why: unknown) => warn(`Job ${job.id} is taken back when its lease has run out: ${messageOf(why)}`))
      throw error
    }
  }

  async #opened(job: Job): Promise<boolean> {
    const { journal } = this.#parts
    const submitted = await journal.submission(job.id)
    if (submitted && isFinal(submitted)) return false
    // Its submitter is not that far yet, or will never be.
    if (!submitted) await journal.create(asSubmitted(job))
    if ((await journal.highestFence(job.id)) >= job.fence) return false
    return await journal.begin(job)
  }
}
