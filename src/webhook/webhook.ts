import { isFinal, type Job, type JobId } from '../jobs/job.ts'
import { allDone } from '../util/all-done.ts'
import { backoffMs } from '../util/backoff.ts'
import type { Clock } from '../util/clock.ts'
import { shortId } from '../util/ids.ts'
import { type Redact, redactDeep } from '../util/redact.ts'
import { Outbox, type Tries } from './outbox.ts'
import { post } from './post.ts'
import { signedHeaders } from './signature.ts'

const tryMs = 10_000
const backoff = { baseMs: 2000, maxMs: 3_600_000 }
const giveUpDays = 3
const giveUpMs = giveUpDays * 86_400_000
const staleMs = 3_600_000
const atOnce = 4

export interface WebhookParts {
  /** The outbox; made when there is something to put into it. */
  readonly directory: string
  readonly url: string
  readonly secret: string
  readonly clock: Clock
  readonly redact: Redact
  /** In [0, 1). */
  random(): number
  warn(message: string): void
  /** The job as every door shows it. */
  toWire(job: Job): Record<string, unknown>
}

interface Failure {
  readonly id: JobId
  readonly reason: string
}

/**
 * Tells one address how jobs end, at least once each. `announce` writes down what is to be said; `flush`, of this
 * process or of any later one, says it:
 *
 *     announced ──due, tried──▶ 2xx: gone
 *         ▲                        │ anything else
 *         └── after a back-off ────┴──▶ after three days: given up, with a warning
 *
 * A try is noted before it is made, and for as long as it may take nobody else makes one. So two processes on one
 * outbox seldom say a thing twice, and what a killed one was about to say is said by another.
 */
export class Webhook {
  readonly #parts: WebhookParts
  readonly #outbox: Outbox

  constructor(parts: WebhookParts) {
    this.#parts = parts
    this.#outbox = new Outbox(parts.directory)
  }

  /** Durable when this resolves; nothing is sent yet. Of a job that was announced before it changes nothing. */
  async announce(job: Job): Promise<void> {
    if (!isFinal(job)) throw new Error(`Job ${job.id} is ${job.status}: there is no end to announce`)
    const message = { type: `job.${job.status}`, timestamp: job.endedAt, data: { job: this.#parts.toWire(job) } }
    await this.#outbox.put(job.id, JSON.stringify(redactDeep(message, this.#parts.redact)))
  }

  /**
   * One try for everything that is due. What the receiver does is at most a warning.
   * @param how.limitMs how long all of it may take; what is not over by then, or when the signal aborts, waits for another
   * flush
   * @throws when the outbox cannot be read or written
   */
  async flush({ limitMs, signal }: { limitMs: number; signal?: AbortSignal }): Promise<void> {
    const { clock } = this.#parts
    const deadline = clock.deadline(limitMs, new Error(`no answer within ${limitMs / 1000} s`))
    const limit = AbortSignal.any([deadline.signal, ...(signal ? [signal] : [])])
    try {
      const ids = (await this.#outbox.ids()).values()
      const failures: Failure[] = []
      const lane = async (): Promise<void> => {
        for (const id of ids) {
          if (limit.aborted) return
          const reason = await this.#deliver(id, limit)
          if (reason !== undefined) failures.push({ id, reason })
        }
      }
      await allDone(Array.from({ length: atOnce }, lane))
      this.#tell(failures)
      await this.#outbox.tidy(new Date(clock.now().getTime() - staleMs))
    } finally {
      deadline.stop()
    }
  }

  /** @returns what went wrong, when it is to be tried again */
  async #deliver(id: JobId, limit: AbortSignal): Promise<string | undefined> {
    const before = await this.#outbox.tries(id)
    if (!this.#isDue(before)) return undefined
    const body = await this.#outbox.body(id)
    // Somebody was faster.
    if (body === undefined) return undefined
    const now = this.#parts.clock.now()
    const count = (before?.count ?? 0) + 1
    const tries = { count, firstAt: before?.firstAt ?? now, nextAt: new Date(now.getTime() + tryMs) }
    await this.#outbox.note(id, tries)
    const reason = await this.#try(id, body, limit)
    if (reason !== undefined) return await this.#postpone(id, tries, reason)
    await this.#outbox.drop(id)
    return undefined
  }

  /** A next time that no back-off can have set comes from a clock that was wrong. */
  #isDue(tries: Tries | undefined): boolean {
    const waitMs = tries === undefined ? 0 : tries.nextAt.getTime() - this.#parts.clock.now().getTime()
    return waitMs <= 0 || waitMs > backoff.maxMs
  }

  async #try(id: JobId, body: string, limit: AbortSignal): Promise<string | undefined> {
    const { clock, url, secret } = this.#parts
    const signed = signedHeaders(secret, { id, at: clock.now(), body })
    const headers = { ...signed, 'content-type': 'application/json', 'user-agent': 'agenticore' }
    const deadline = clock.deadline(tryMs, new Error(`no answer within ${tryMs / 1000} s`))
    try {
      return await post({ url, headers, body }, AbortSignal.any([limit, deadline.signal]))
    } finally {
      deadline.stop()
    }
  }

  async #postpone(id: JobId, tries: Tries, reason: string): Promise<string | undefined> {
    const { clock, random, warn } = this.#parts
    const now = clock.now().getTime()
    if (now - tries.firstAt.getTime() >= giveUpMs) {
      const after = `after ${giveUpDays} days and ${tries.count} tries`
      warn(`The webhook for job ${id} is given up ${after}; the last one: ${reason}.`)
      await this.#outbox.drop(id)
      return undefined
    }
    await this.#outbox.note(id, { ...tries, nextAt: new Date(now + backoffMs(tries.count - 1, backoff, random())) })
    return reason
  }

  /** One line, however many there are; of the address only the host, for the path may be a secret. */
  #tell(failures: readonly Failure[]): void {
    const [first, ...others] = failures
    if (!first) return
    const more = others.length === 0 ? '' : `, and ${others.length} more,`
    const { host } = new URL(this.#parts.url)
    const what = `The webhook for job ${shortId(first.id)}${more} was not taken by ${host}`
    this.#parts.warn(`${what} (${first.reason}); it is tried again later.`)
  }
}
