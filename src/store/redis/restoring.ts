import { isFinal, type Job, type JobId } from '../../jobs/job.ts'
import type { Journal } from '../../jobs/ports.ts'
import { requestText } from '../../jobs/request.ts'
import { cancelRequested } from '../../jobs/states.ts'
import { messageOf } from '../../util/error-code.ts'
import { forgottenAtMs } from './endings.ts'
import { digestOf, toFields } from './fields.ts'
import { text } from './replies.ts'
import type { Scripts } from './scripts.ts'

export interface RestoringParts {
  readonly scripts: Scripts
  readonly journal: Journal
  readonly leaseMs: number
  /** All pods write the same journal: what it does not have was never accepted, or is forgotten. */
  readonly isJournalShared: boolean
  warn(message: string): void
}

/** What the journal knows of a job, as far as it can be read. */
export interface Recorded {
  readonly id: JobId
  readonly job: Job | undefined
  /** Its end is in the journal. */
  readonly isFolded: boolean
  readonly fence: number
  readonly isUnreadable: boolean
}

/** Brings what Redis knows of a job and what the journal does together. */
export class Restoring {
  readonly #parts: RestoringParts

  constructor(parts: RestoringParts) {
    this.#parts = parts
  }

  async recorded(id: JobId): Promise<Recorded> {
    const { journal, warn } = this.#parts
    try {
      const job = await this.#read(id)
      const fence = job && !isFinal(job) ? await journal.highestFence(id) : (job?.fence ?? 0)
      const isFolded = job !== undefined && isFinal(job) && job.status === (await journal.submission(id))?.status
      return { id, job, isFolded, fence, isUnreadable: false }
    } catch (error) {
      warn(`Job ${id} is left as Redis has it: ${messageOf(error)}`)
      return { id, job: undefined, isFolded: false, fence: 0, isUnreadable: true }
    }
  }

  /** As somebody has asked for it: a cancel request is kept beside what attempts write. */
  async #read(id: JobId): Promise<Job | undefined> {
    const { journal } = this.#parts
    const job = await journal.read(id)
    const at = job && !isFinal(job) ? await journal.cancelRequest(id) : undefined
    return job && at !== undefined ? cancelRequested(job, new Date(at)) : job
  }

  /** A job that Redis is behind with. */
  async one(id: JobId): Promise<void> {
    await this.place(await this.recorded(id), '')
  }

  /** The same for one that is marked as going on: if it has ended, whoever wrote that down died before it was told. */
  async marked(id: JobId): Promise<void> {
    await this.place({ ...(await this.recorded(id)), isFolded: false }, '')
  }

  /**
   * @param token of the rebuild that this is part of, or ''
   * @returns false when the rebuild is another pod's by now
   */
  async place({ id, job, isFolded, fence, isUnreadable }: Recorded, token: string): Promise<boolean> {
    const { scripts, leaseMs, isJournalShared } = this.#parts
    const orphan = isJournalShared && !isUnreadable ? 'drop' : 'keep'
    const reply = await scripts.run(
      'restore',
      id,
      token,
      leaseMs,
      orphan,
      ...(job ? given(job, fence, isFolded) : nothing),
    )
    return text(reply) !== 'lost'
  }
}

const nothing = [0, '', '', '', '', '', '[]'] as const

function given(job: Job, fence: number, isFolded: boolean): (string | number)[] {
  const { status, createdAt, queueTtlSeconds, startedAt, notBefore, idempotencyKey } = job
  const waits = status === 'queued'
  const expires = waits && queueTtlSeconds !== undefined && startedAt === undefined
  return [
    Math.max(fence, job.fence),
    expires ? Date.parse(createdAt) + queueTtlSeconds * 1000 : '',
    waits && notBefore !== undefined ? Date.parse(notBefore) : '',
    isFolded ? forgottenAtMs(job) : '',
    idempotencyKey === undefined ? '' : digestOf(idempotencyKey),
    digestOf(requestText(job)),
    JSON.stringify(toFields(job)),
  ]
}
