import { AgenticoreError } from '../jobs/errors.ts'
import type { Job } from '../jobs/job.ts'
import type { JobStore, Lease } from '../jobs/ports.ts'
import { backoffMs } from '../util/backoff.ts'
import { type Clock, pause } from '../util/clock.ts'
import { messageOf } from '../util/error-code.ts'
import { Bell } from './bell.ts'

export interface WorkerParts {
  readonly store: Pick<JobStore, 'claim' | 'release'>
  readonly clock: Clock
  readonly podName: string
  /** How many jobs run at once. */
  readonly capacity: number
  /** How long a job waits that nobody has told us of; a quarter more or less. */
  readonly lookEveryMs: number
  /** Runs one attempt to its end, or, when the signal aborts, gives the job back. */
  run(lease: Lease, signal: AbortSignal): Promise<Job>
  /** Why no job should start now, such as a full disk; undefined when nothing is in the way. */
  obstacle(): Promise<string | undefined>
  claimed(lease: Lease): void
  /** As it is when an attempt is over: ended, or queued again. */
  over(job: Job): void
  warn(message: string): void
  /** In [0, 1). */
  random(): number
}

const claimTrouble = { baseMs: 1000, maxMs: 30_000 }
const releaseTrouble = { baseMs: 1000, maxMs: 60_000 }
/** For a job whose attempt failed in a way that attempts do not fail. */
const breatherMs = 60_000

/**
 * Takes jobs from the queue and runs them, so many at once.
 *
 *     waiting ──start──▶ claiming ──drain──▶ draining ──handOver──▶ handing over
 *
 * Claiming: whenever a place is free, nothing is in the way and a job waits, it is claimed. Draining: from the first
 * moment no job is started any more; those that run go on to their end. Handing over: they are stopped, and go back to
 * the head of the queue. There is no way back: who has drained is about to go.
 */
export class Worker {
  readonly #parts: WorkerParts
  readonly #running = new Map<Lease, Promise<void>>()
  readonly #handingOver = new AbortController()
  readonly #bell: Bell
  /** Where many wait, more are asked for at a time; where there may be none, one. */
  #atOnce = 1
  #draining = false
  #obstacle: string | undefined
  #loop: Promise<void> | undefined

  constructor(parts: WorkerParts) {
    this.#parts = parts
    this.#bell = new Bell(parts.clock)
  }

  /** Nothing is claimed before. One that drains by then never does. */
  start(): void {
    this.#loop ??= this.#claimAll()
  }

  get isStarted(): boolean {
    return this.#loop !== undefined
  }

  /** There may be a job to claim. */
  wake(): void {
    this.#bell.ring()
  }

  get running(): number {
    return this.#running.size
  }

  get isDraining(): boolean {
    return this.#draining
  }

  /** What keeps it from claiming, as far as it has looked. */
  get obstacle(): string | undefined {
    return this.#obstacle
  }

  /** Nothing is started from now on. */
  stop(): void {
    this.#draining = true
    this.#bell.ring()
  }

  /** Resolves when nothing runs any more. */
  async drain(): Promise<void> {
    this.stop()
    await this.#loop
    await Promise.all(this.#running.values())
  }

  /** Those that run stop, and wait for somebody else. Resolves when all have let go. */
  async handOver(): Promise<void> {
    this.#handingOver.abort(new Error('handed over'))
    await this.drain()
  }

  async #claimAll(): Promise<void> {
    let failures = 0
    while (!this.#draining) {
      try {
        const started = await this.#claimSome()
        failures = 0
        if (!started) await this.#bell.heard(this.#lookAgainMs)
      } catch (error) {
        // One line for a trouble, however long it lasts.
        if (failures === 0) this.#parts.warn(`No job could be claimed: ${messageOf(error)}; it is tried again.`)
        failures += 1
        await this.#bell.heard(backoffMs(failures - 1, claimTrouble, this.#parts.random()))
      }
    }
  }

  /** Those who look do so in turns, and not all at once. */
  get #lookAgainMs(): number {
    const { lookEveryMs, random } = this.#parts
    return lookEveryMs * (0.75 + random() / 2)
  }

  /** @returns whether any was started, and another look is worth it */
  async #claimSome(): Promise<boolean> {
    const free = this.#parts.capacity - this.#running.size
    if (free <= 0 || (await this.#isObstructed())) return false
    const asked = Math.min(this.#atOnce, free)
    const claims = await Promise.allSettled(Array.from({ length: asked }, () => this.#claimOne()))
    const started = claims.filter(claim => claim.status === 'fulfilled' && claim.value).length
    this.#atOnce = started === asked ? asked * 2 : 1
    const failed = claims.find(claim => claim.status === 'rejected')
    if (failed) throw failed.reason
    return started > 0
  }

  async #claimOne(): Promise<boolean> {
    const { store, podName } = this.#parts
    const lease = await store.claim({ podName })
    if (!lease) return false
    // The claim was under way when the drain began.
    if (this.#draining) await store.release(lease)
    else this.#begin(lease)
    return true
  }

  async #isObstructed(): Promise<boolean> {
    const before = this.#obstacle
    this.#obstacle = await this.#parts.obstacle()
    if (this.#obstacle !== undefined && before === undefined) {
      this.#parts.warn(`No job is started: ${this.#obstacle}. Those that wait go on waiting.`)
    }
    return this.#obstacle !== undefined
  }

  #begin(lease: Lease): void {
    this.#parts.claimed(lease)
    const over = this.#see(lease).finally(() => {
      this.#running.delete(lease)
      this.#bell.ring()
    })
    this.#running.set(lease, over)
  }

  /** To its end; never rejects. */
  async #see(lease: Lease): Promise<void> {
    const { run, over, warn } = this.#parts
    try {
      over(await run(lease, this.#handingOver.signal))
    } catch (error) {
      if (isTaken(error)) return warn(messageOf(error))
      warn(`Job ${lease.job.id} could not be brought to an end: ${messageOf(error)}. It goes back to the queue.`)
      // A store that was away says nothing about the job.
      await this.#giveBack(lease, isUnavailable(error) ? 0 : breatherMs)
    }
  }

  /** Until it works: nobody else takes a job from a process that lives. */
  async #giveBack(lease: Lease, waitMs: number): Promise<void> {
    const { store, clock, random, over } = this.#parts
    for (let failures = 0; ; failures++) {
      try {
        const notBefore = waitMs === 0 ? undefined : new Date(clock.now().getTime() + waitMs)
        return over(await store.release(lease, notBefore))
      } catch (error) {
        // A process that goes leaves it to the next one.
        if (isTaken(error) || this.#handingOver.signal.aborted) return
        await pause(clock, backoffMs(failures, releaseTrouble, random()), this.#handingOver.signal)
      }
    }
  }
}

const isTaken = (error: unknown): boolean => error instanceof AgenticoreError && error.code === 'stale_lease'

const isUnavailable = (error: unknown): boolean =>
  error instanceof AgenticoreError && error.code === 'store_unavailable'
