import { AgenticoreError } from '../../jobs/errors.ts'
import { isFinal, type Job, type JobId, type Outcome, type RunFacts } from '../../jobs/job.ts'
import type { Journal, Lease, Renewal } from '../../jobs/ports.ts'
import { abandoned, finished, overruled, recorded, released } from '../../jobs/states.ts'
import type { Clock } from '../../util/clock.ts'
import type { Boot } from './boot.ts'
import type { Endings } from './endings.ts'
import { changeOf, toFields } from './fields.ts'
import { texts, worded } from './replies.ts'
import type { Scripts } from './scripts.ts'
import type { Seen } from './seen.ts'

export interface SettlingParts {
  readonly scripts: Scripts
  readonly journal: Journal
  readonly clock: Clock
  readonly boot: Boot
  readonly leaseMs: number
  readonly endings: Endings
  readonly seen: Seen
  /** What Redis knows is older than what was seen. */
  distrust(): Promise<void>
}

/** How a holder's attempt goes on and ends. What becomes of a job is worked out here, and decided by the script. */
export class Settling {
  readonly #parts: SettlingParts
  /** Jobs as this process, their holder, knows them. */
  readonly #held = new Map<JobId, Job>()
  /** Ended, and perhaps not in the journal. */
  readonly #ended = new Map<JobId, Job>()
  #isClosed = false

  constructor(parts: SettlingParts) {
    this.#parts = parts
  }

  hold(job: Job): void {
    this.#held.set(job.id, job)
  }

  close(): void {
    this.#isClosed = true
    this.#held.clear()
  }

  /** One call for all. @returns in their order */
  async renew(leases: readonly Lease[]): Promise<Renewal[]> {
    const { scripts, boot, leaseMs, seen, distrust } = this.#parts
    if (this.#isClosed) return leases.map(() => 'lost')
    const which = leases.flatMap(({ job, fence }) => [job.id, fence])
    const [epoch = '', rev = '', ...states] = texts(
      await scripts.run('renew', boot.podName, boot.id, boot.ordinal, leaseMs, ...which),
    )
    if (seen.note(epoch, Number(rev))) await distrust()
    return leases.map((lease, index) => this.#renewal(lease, states[index]))
  }

  #renewal({ job: { id }, fence }: Lease, state: string | undefined): Renewal {
    if (state === 'held' || state === 'cancelled') return state
    this.#letGo(id, fence)
    return 'lost'
  }

  #letGo(id: JobId, fence: number): void {
    if (this.#held.get(id)?.fence === fence) this.#held.delete(id)
  }

  async record(lease: Lease, facts: RunFacts): Promise<Job> {
    const { scripts, boot, journal } = this.#parts
    const before = await this.#current(lease)
    const change = changeOf(before, recorded(before, facts))
    const reply = await scripts.run('record', lease.job.id, lease.fence, boot.id, JSON.stringify(change))
    const job = { ...recorded(before, facts), ...marks(this.#askedAt(lease, reply)) }
    this.#held.set(job.id, job)
    await journal.update(job)
    return job
  }

  async finish(lease: Lease, outcome: Outcome): Promise<Job> {
    const { journal, clock } = this.#parts
    // Tried again after the journal could not be written.
    const unfolded = this.#ended.get(lease.job.id)
    if (unfolded?.fence === lease.fence) return await this.#fold(unfolded)
    const before = await this.#current(lease)
    const at = clock.now()
    const said = finished(before, outcome, at)
    await journal.outcome(said)
    const instead = finished(requested(before, at), outcome, at)
    const ended = await this.#settle(lease, { plain: said, cancelled: instead })
    return await this.#fold(ended)
  }

  async release(lease: Lease, notBefore?: Date): Promise<Job> {
    const { journal } = this.#parts
    const before = await this.#current(lease)
    const said = await journal.readOutcome(before.id)
    // It has ended, and could not say so.
    if (said?.fence === lease.fence) return await this.#conclude(lease, before, said)
    const { plain, cancelled } = this.#given(before, notBefore)
    await journal.update(plain)
    return await this.#foldIfEnded(await this.#settle(lease, { plain, cancelled, ...at(notBefore) }))
  }

  /** A claim that came to nothing. */
  async giveBack(lease: Lease): Promise<void> {
    await this.#foldIfEnded(await this.#settle(lease, this.#given(lease.job)))
  }

  /**
   * An attempt that this process has seized from a holder that is gone.
   * @param said its outcome, if it had one
   */
  async inherit(lease: Lease, said: Job | undefined): Promise<Job> {
    const { journal, clock } = this.#parts
    if (said) return await this.#conclude(lease, lease.job, said)
    const now = clock.now()
    const [plain, cancelled] = [abandoned(lease.job, now), abandoned(requested(lease.job, now), now)]
    const job = await this.#settle(lease, { plain, cancelled })
    if (isFinal(job)) return await this.#fold(job)
    // The claimer may have died before its attempt had a place.
    if ((await journal.highestFence(job.id)) === job.fence) await journal.update(job)
    return job
  }

  #given(before: Job, notBefore?: Date): { plain: Job; cancelled: Job } {
    const now = this.#parts.clock.now()
    const when = { at: now, ...(notBefore ? { notBefore } : {}) }
    return { plain: released(before, when), cancelled: released(requested(before, now), when) }
  }

  async #conclude(lease: Lease, before: Job, said: Job): Promise<Job> {
    const cancelled = overruled(said, before.cancelRequestedAt ?? this.#parts.clock.now().toISOString())
    return await this.#fold(await this.#settle(lease, { plain: said, cancelled }))
  }

  async #settle(lease: Lease, { plain, cancelled, notBefore }: Ends): Promise<Job> {
    const { scripts, boot } = this.#parts
    const { id } = lease.job
    const records = [toFields(withoutRequest(plain)), changeOf(plain, cancelled)].map(each => JSON.stringify(each))
    const which = [id, lease.fence, boot.id, crypto.randomUUID()] as const
    const reply = await scripts.run('settle', ...which, ...records, notBefore ?? '')
    const asked = this.#askedAt(lease, reply)
    this.#held.delete(id)
    // Nobody but its holder has written anything else of it: there is no need to hear all of it again.
    return asked === '' ? plain : { ...cancelled, ...marks(asked) }
  }

  /** When somebody asked for the end of an attempt that was still this holder's, or ''. @throws AgenticoreError `stale_lease` */
  #askedAt(lease: Lease, reply: unknown): string {
    const [word, asked = ''] = texts(reply)
    if (word === 'ok') return asked
    this.#letGo(lease.job.id, lease.fence)
    throw stale(lease, worded(reply).job)
  }

  async #foldIfEnded(job: Job): Promise<Job> {
    return isFinal(job) ? await this.#fold(job) : job
  }

  async #fold(job: Job): Promise<Job> {
    this.#ended.set(job.id, job)
    await this.#parts.endings.fold(job)
    this.#ended.delete(job.id)
    return job
  }

  async #current(lease: Lease): Promise<Job> {
    const { id } = lease.job
    const known = this.#held.get(id)
    if (known?.fence === lease.fence) return known
    const job = this.#isClosed ? undefined : worded(await this.#parts.scripts.run('read', id)).job
    if (job?.status === 'running' && job.fence === lease.fence && job.bootId === this.#parts.boot.id) return job
    throw stale(lease, job)
  }
}

interface Ends {
  readonly plain: Job
  /** What becomes of it instead when a cancel request was made. */
  readonly cancelled: Job
  /** Milliseconds since 1970. */
  readonly notBefore?: number
}

const at = (notBefore: Date | undefined): { notBefore?: number } =>
  notBefore ? { notBefore: notBefore.getTime() } : {}

/** What others write of a job while it runs is theirs to write. */
const withoutRequest = ({ cancelRequestedAt: _, ...job }: Job): Job => job

const requested = (job: Job, now: Date): Job => ({
  ...job,
  cancelRequestedAt: job.cancelRequestedAt ?? now.toISOString(),
})

/** What others write of a job while it runs. */
const marks = (cancelRequestedAt: string): Partial<Job> => (cancelRequestedAt === '' ? {} : { cancelRequestedAt })

function stale({ job, fence }: Lease, now: Job | undefined): AgenticoreError {
  const state = now ? `${now.status}, attempt ${now.fence}` : 'forgotten'
  return new AgenticoreError('stale_lease', `Attempt ${fence} of job ${job.id} no longer holds it: ${state}.`)
}
