import { failureOf } from '../jobs/failure.ts'
import { isFinal, type Job, type JobId, type Outcome } from '../jobs/job.ts'
import type { JobStore, Lease } from '../jobs/ports.ts'
import { backoffMs } from '../util/backoff.ts'
import { marked } from '../util/marker.ts'
import { redactDeep } from '../util/redact.ts'
import { Attempt, type AttemptParts, type Release } from './attempt.ts'
import type { LeaseKeeper } from './lease-keeper.ts'

/** Before a job that was put off is tried again. */
const waiting = { baseMs: 30_000, maxMs: 900_000 }

/** The longest that a busy model holds up all jobs. */
const mostCalmMs = 60_000

export interface JobRunnerParts extends AttemptParts {
  readonly store: JobStore
  readonly keeper: LeaseKeeper
  /**
   * Tree and conversation of an attempt that is given back: the next one goes on with them where it is sure to be on this
   * machine; where any machine may have it, it starts from the beginning, and nothing is left here.
   */
  readonly leavings: 'kept' | 'removed'
  /** In [0, 1). */
  random(): number
}

/**
 * One attempt of one job, from its lease to its outcome:
 *
 *     prepare ─▶ run ─▶ deliver ─▶ finish ─▶ clean
 *
 * Whatever goes wrong on the way, an end follows: `failed` with the reason; `cancelled` when that was asked for; or a
 * release, when the attempt was interrupted, or something was in the way that passes.
 */
export class JobRunner {
  readonly #parts: JobRunnerParts
  /** By job: the latest attempt here, until it is over. */
  readonly #here = new Map<JobId, Promise<unknown>>()

  constructor(parts: JobRunnerParts) {
    this.#parts = parts
  }

  /** @returns the job as it is then: ended, or queued again. @throws AgenticoreError `stale_lease` */
  async run(lease: Lease, signal: AbortSignal): Promise<Job> {
    const { id } = lease.job
    const earlier = this.#here.get(id)
    const running = marked(`${id}/${lease.fence}`, () => this.#run(lease, signal, earlier))
    const over = running.catch(() => undefined)
    this.#here.set(id, over)
    try {
      return await running
    } finally {
      if (this.#here.get(id) === over) this.#here.delete(id)
    }
  }

  /** @param earlier an attempt of the same job that has lost its lease, and is on its way out: two would share a tree */
  async #run(lease: Lease, signal: AbortSignal, earlier: Promise<unknown> | undefined): Promise<Job> {
    const { keeper, leavings } = this.#parts
    return await keeper.keep(lease, async (ended, givenBack) => {
      await earlier
      const attempt = new Attempt(this.#parts, lease, AbortSignal.any([signal, ended]))
      // An earlier one that died here had no time for it.
      if (leavings === 'removed') await attempt.clean(false)
      let isOver = false
      try {
        const end = await attempt.run()
        const job =
          end.type === 'release'
            ? await this.#release(lease, attempt, end)
            : await this.#finish(lease, attempt, end.outcome)
        givenBack()
        // What is given back ends, too, when somebody has asked to cancel it.
        isOver = isFinal(job)
        // To clear up can take minutes. Not when somebody else has the job by now: then the tree may be theirs.
        if (isOver && leavings === 'kept') await attempt.clean(isOver)
        return job
      } finally {
        if (leavings === 'removed') await attempt.clean(isOver)
        await attempt.leave()
      }
    })
  }

  async #release(lease: Lease, attempt: Attempt, { reason, putOff, facts }: Release): Promise<Job> {
    const { store, redact, clock, random } = this.#parts
    const waitMs = putOff ? backoffMs(lease.job.putOffs ?? 0, waiting, random()) : 0
    const notBefore = putOff ? new Date(clock.now().getTime() + waitMs) : undefined
    const when = notBefore ? { notBefore: notBefore.toISOString() } : {}
    // What it cost so far, and where its conversation is, for whoever goes on. Refused when that is under way.
    await store.record(lease, redactDeep(facts, redact))
    await attempt.tryEmit({ type: 'released', reason, ...when })
    // What this one was told, others would be told now, too.
    if (putOff === 'model_busy') await store.calm(new Date(clock.now().getTime() + Math.min(waitMs, mostCalmMs)))
    return await store.release(lease, notBefore)
  }

  async #finish(lease: Lease, attempt: Attempt, secret: Outcome): Promise<Job> {
    const { redact } = this.#parts
    const outcome = redactDeep(secret, redact)
    const { facts: _, ...event } = outcome
    await attempt.tryEmit({ type: 'outcome', ...event })
    return await this.#finishOr(() => attempt.clean(false), lease, outcome)
  }

  /** @param makeRoom what is cleared up may have been what filled the disk */
  async #finishOr(makeRoom: () => Promise<void>, lease: Lease, outcome: Outcome): Promise<Job> {
    const { store } = this.#parts
    try {
      return await store.finish(lease, outcome)
    } catch (error) {
      if (failureOf(error).errorCode !== 'storage_failed') throw error
      await makeRoom()
      return await store.finish(lease, outcome)
    }
  }
}
