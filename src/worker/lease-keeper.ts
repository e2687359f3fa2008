import { type Measures, noMeasures } from '../jobs/measures.ts'
import type { JobStore, Lease } from '../jobs/ports.ts'
import { type Clock, pause } from '../util/clock.ts'
import { Bell } from './bell.ts'

/** Why the holder of a lease has to stop: somebody asked for it; the job is somebody else's; nobody can be told it is ours. */
export class LeaseEnded extends Error {
  readonly why: 'cancelled' | 'lost' | 'unrenewed'

  constructor(why: LeaseEnded['why']) {
    super(reasons[why])
    this.why = why
  }
}

const reasons = {
  cancelled: 'cancelled',
  lost: 'the lease is lost',
  unrenewed: 'the lease could not be renewed for too long',
} as const

export interface LeaseKeeperParts {
  readonly store: Pick<JobStore, 'renew'>
  readonly clock: Clock
  readonly everyMs: number
  /** A lease that could not be renewed for so long is given up, before anybody may take the job; never, if not given. */
  readonly giveUpMs?: number
  readonly measures?: Pick<Measures, 'leaseRenewed'>
}

interface Held {
  readonly lease: Lease
  readonly ended: AbortController
  /** When the renewal that worked last was sent, on the monotonic clock: what the store says comes later than it counts. */
  renewedMs: number
  isLost: boolean
  isGivenBack: boolean
}

/** After a renewal that failed, in ms. */
const soonMs = 1000

/**
 * Renews the leases of this process, all in one call, for as long as there are any. The signal of a lease aborts with
 * `LeaseEnded` when its job is to be cancelled or belongs to somebody else, or when it could not be renewed for too long; a
 * store that cannot be asked for a while is no reason to stop.
 */
export class LeaseKeeper {
  readonly #parts: LeaseKeeperParts
  readonly #held = new Set<Held>()
  readonly #bell: Bell
  #loop: Promise<void> | undefined
  /** The renewal that is under way. */
  #asking: Promise<boolean> | undefined

  constructor(parts: LeaseKeeperParts) {
    this.#parts = parts
    this.#bell = new Bell(parts.clock)
  }

  /** Something has happened to one of the jobs: it is looked at once. */
  wake(jobId: string): void {
    if ([...this.#held].some(({ lease }) => lease.job.id === jobId)) this.#bell.ring()
  }

  /** For as long as `work` takes, or until it says that the lease is given back. */
  async keep<T>(lease: Lease, work: (signal: AbortSignal, givenBack: () => void) => Promise<T>): Promise<T> {
    const { clock, everyMs, measures = noMeasures } = this.#parts
    const ended = new AbortController()
    const renewedMs = lease.askedMs ?? clock.monotonicMs()
    const held: Held = { lease, ended, renewedMs, isLost: false, isGivenBack: false }
    this.#held.add(held)
    this.#loop ??= this.#renewAll()
    // What was long on its way here has little time left, or none.
    this.#giveUp()
    if (clock.monotonicMs() - renewedMs >= everyMs) this.#bell.ring()
    const givenBack = (): void => {
      held.isGivenBack = true
      this.#letGo(held)
    }
    try {
      return await work(ended.signal, givenBack)
    } finally {
      this.#letGo(held)
      // Asked for in the moment it was given back, a lease is gone, too; that is no loss.
      if (held.isLost && !held.isGivenBack) measures.leaseRenewed(false)
      // Not for the loop: it goes on for whoever has come meanwhile, and that one may be waiting for us.
      if (this.#held.size === 0) await this.#asking
    }
  }

  #letGo(held: Held): void {
    this.#held.delete(held)
    if (this.#held.size === 0) this.#bell.ring()
  }

  async #renewAll(): Promise<void> {
    const { everyMs } = this.#parts
    let waitMs = everyMs
    while (this.#held.size > 0) {
      await this.#bell.heard(waitMs)
      if (this.#held.size === 0) break
      this.#asking = this.#renew([...this.#held])
      waitMs = (await this.#asking) ? everyMs : Math.min(everyMs, soonMs)
    }
    this.#loop = undefined
  }

  /** @returns false when the store could not be asked */
  async #renew(held: readonly Held[]): Promise<boolean> {
    const { store, clock, measures = noMeasures } = this.#parts
    const sentMs = clock.monotonicMs()
    try {
      const states = await this.#inTime(store.renew(held.map(({ lease }) => lease)))
      for (const [index, each] of held.entries()) {
        const state = states[index] ?? 'lost'
        if (!this.#held.has(each)) continue
        if (state !== 'lost') measures.leaseRenewed(true)
        each.renewedMs = sentMs
        if (state !== 'held') this.#end(each, state)
      }
      // We may have stood still for longer than the answer is good for.
      this.#giveUp()
      return true
    } catch {
      for (const each of held) if (this.#held.has(each)) measures.leaseRenewed(false)
      this.#giveUp()
      return false
    }
  }

  /** However long the store is asked: what runs out meanwhile is given up in time. */
  async #inTime<T>(asking: Promise<T>): Promise<T> {
    const { clock, giveUpMs } = this.#parts
    if (giveUpMs === undefined) return await asking
    const answered = new AbortController()
    const watching = (async () => {
      while (!answered.signal.aborted) {
        const open = [...this.#held].filter(({ ended }) => !ended.signal.aborted)
        const dueMs = Math.min(...open.map(({ renewedMs }) => renewedMs + giveUpMs))
        await pause(
          clock,
          Number.isFinite(dueMs) ? Math.max(0, dueMs - clock.monotonicMs()) : giveUpMs,
          answered.signal,
        )
        if (!answered.signal.aborted) this.#giveUp()
      }
    })()
    try {
      return await asking
    } finally {
      answered.abort()
      await watching
    }
  }

  #giveUp(): void {
    const { clock, giveUpMs = Number.POSITIVE_INFINITY } = this.#parts
    for (const held of this.#held) {
      if (clock.monotonicMs() - held.renewedMs >= giveUpMs) this.#end(held, 'unrenewed')
    }
  }

  /** It is renewed all the same while its holder stops, but for one that is lost. */
  #end(held: Held, why: LeaseEnded['why']): void {
    held.ended.abort(new LeaseEnded(why))
    held.isLost ||= why === 'lost'
    if (held.isLost) this.#held.delete(held)
  }
}
