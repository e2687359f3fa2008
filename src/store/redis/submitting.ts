import { AgenticoreError, queueFull } from '../../jobs/errors.ts'
import { isFinal, type Job, type JobId } from '../../jobs/job.ts'
import type { Journal, SubmitOptions } from '../../jobs/ports.ts'
import { isJobId } from '../../jobs/record.ts'
import { requestText } from '../../jobs/request.ts'
import { asSubmitted, startByMs } from '../../jobs/states.ts'
import type { Clock } from '../../util/clock.ts'
import { joinedNext } from '../../util/joined.ts'
import { digestOf, toFields } from './fields.ts'
import { nowMs } from './redis-clock.ts'
import { placed, texts } from './replies.ts'
import type { Scripts } from './scripts.ts'

export interface SubmittingParts {
  readonly ask: Scripts
  readonly journal: Journal
  readonly clock: Clock
}

/** A job is accepted when Redis has it and the journal, and Redis was not made anew from the journal in between. */
export class Submitting {
  readonly #parts: SubmittingParts
  /** As it is after the call; those who submit at one time share the answer. */
  readonly #epoch = joinedNext(async () => texts(await this.#parts.ask.run('epoch'))[0])

  constructor(parts: SubmittingParts) {
    this.#parts = parts
  }

  async submit(job: Job, { hold = false, queueLimit }: SubmitOptions = {}): Promise<Job> {
    if (hold) throw new Error('A job of a fleet is anybody’s: only the file store keeps one for its submitter')
    for (;;) {
      const { kept, epoch } = await this.#accept(job, queueLimit)
      if (!kept) continue
      // One that has ended is written down by whoever ended it; here it would only be marked as going on.
      if (!isFinal(kept)) await this.#parts.journal.create(kept.fence === 0 ? asSubmitted(kept) : kept)
      // Somebody may have read the journal before that, to tell Redis what there is.
      if (await this.#isStill(epoch)) return kept
    }
  }

  /** @returns the job that Redis has now; none when the one of an earlier submission has just been forgotten */
  async #accept(job: Job, queueLimit?: number): Promise<{ kept: Job | undefined; epoch: string }> {
    const { ask } = this.#parts
    const [word = '', id = '', epoch = ''] = texts(
      await ask.run('submit', ...submission(job, nowMs(this.#parts.clock), queueLimit)),
    )
    if (word === 'full') throw queueFull(Number(id), queueLimit ?? 0)
    if (word === 'conflict') {
      const message = `The idempotency key "${job.idempotencyKey}" belongs to job ${id}.`
      throw new AgenticoreError('idempotency_conflict', message)
    }
    return { kept: word === 'known' && isJobId(id) ? await this.#known(id) : job, epoch }
  }

  async #known(id: JobId): Promise<Job | undefined> {
    return placed(await this.#parts.ask.run('read', id))
  }

  /** False when Redis was made anew from the journal since: the job may not be in it. */
  async #isStill(epoch: string): Promise<boolean> {
    return (await this.#epoch('')) === epoch
  }
}

function submission(job: Job, now: () => string, queueLimit = Number.POSITIVE_INFINITY) {
  const { id, idempotencyKey, queueTtlSeconds } = job
  return [
    id,
    ...(idempotencyKey === undefined ? ['', ''] : [digestOf(idempotencyKey), digestOf(requestText(job))]),
    queueTtlSeconds === undefined ? '' : startByMs(job),
    Number.isFinite(queueLimit) ? queueLimit : '',
    now,
    ...toFields(job),
  ] as const
}
