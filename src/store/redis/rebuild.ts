import { AgenticoreError } from '../../jobs/errors.ts'
import type { JobId } from '../../jobs/job.ts'
import type { Journal } from '../../jobs/ports.ts'
import { isJobId } from '../../jobs/record.ts'
import { inBatches } from '../../util/batches.ts'
import type { Clock } from '../../util/clock.ts'
import { messageOf } from '../../util/error-code.ts'
import { texts } from './replies.ts'
import type { Recorded, Restoring } from './restoring.ts'
import type { Scripts } from './scripts.ts'
import type { Seen } from './seen.ts'

export interface RebuildParts {
  /** They do not rebuild themselves. */
  readonly scripts: Scripts
  readonly journal: Journal
  readonly restoring: Restoring
  readonly seen: Seen
  readonly clock: Clock
  readonly closing: AbortSignal
  warn(message: string): void
}

const lockMs = 15_000
const patienceMs = 60_000
const lookEveryMs = 200
/** Read and placed under one renewal of the lock, also where a reply takes long. */
const batchSize = 128

/**
 * Makes of an empty or old Redis one that knows the jobs again, from the journal. One pod does it; nothing is accepted
 * meanwhile.
 *
 *     no epoch ──lock──▶ jobs that have not ended get their places ──▶ epoch ──▶ ended ones are listed again ──▶ done
 *
 * From the epoch on everything works, but for submissions under an idempotency key: whether it was used is known only
 * when the ended ones are back. A pod that dies on the way is followed by another: before the epoch by whoever finds
 * none, after it by a reaper.
 */
export class Rebuild {
  readonly #parts: RebuildParts
  #running: Promise<void> | undefined
  #listing: Promise<void> | undefined

  constructor(parts: RebuildParts) {
    this.#parts = parts
  }

  /** Resolves when Redis may be asked again. @throws AgenticoreError `store_unavailable` */
  async run(): Promise<void> {
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined
    })
    await this.#running
  }

  /** Goes on with the ended ones, where the pod that was at it is gone; nobody has to wait for that. */
  async goOn(): Promise<void> {
    const token = crypto.randomUUID()
    if ((await this.#parts.scripts.run('lock', 'rebuild', token, lockMs)) === 1) this.#listEnded(token)
  }

  /** What is under way is over. */
  async settled(): Promise<void> {
    await Promise.allSettled([this.#running, this.#listing])
  }

  async #run(): Promise<void> {
    const { scripts, clock, closing, seen } = this.#parts
    const token = crypto.randomUUID()
    const startMs = clock.monotonicMs()
    for (;;) {
      const [word, ...known] = texts(await scripts.run('rebuild', token, lockMs))
      if (word === 'done') return void seen.note(known[0] ?? '', Number(known[1] ?? 0))
      // Then it is done, or somebody else's.
      if (word === 'begun') await this.#begin(token, known.filter(isJobId))
      if (clock.monotonicMs() - startMs > patienceMs || closing.aborted) {
        throw new AgenticoreError('store_unavailable', 'Another pod has been reading the journal for too long.')
      }
      if (word === 'busy') await clock.sleep(lookEveryMs, closing).catch(() => undefined)
    }
  }

  async #begin(token: string, known: readonly JobId[]): Promise<void> {
    const { scripts, journal, seen, warn } = this.#parts
    const active = new Set(await journal.active())
    const ids = [...new Set([...known, ...active])].sort()
    if (ids.length > 0) warn(`Redis has lost what it knew, or is old: ${ids.length} jobs are put in place again.`)
    if (!(await this.#place(ids, token, active))) return
    const epoch = crypto.randomUUID()
    if ((await scripts.run('rebuilt', token, epoch, seen.rev, seen.runId)) === 1) this.#listEnded(token)
  }

  /** In the order of submission, which is that of the queue. @returns false when the rebuild is another pod's by now */
  async #place(ids: readonly JobId[], token: string, active: ReadonlySet<JobId>): Promise<boolean> {
    for (const batch of batches(ids)) {
      if (!(await this.#isOurs(token))) return false
      const recorded = await inBatches(batch, id => this.#parts.restoring.recorded(id))
      // Whoever wrote the end of one that is marked yet did not come to the rest.
      const placed = recorded.map(each => (active.has(each.id) ? { ...each, isFolded: false } : each))
      if (!(await this.#placeAll(placed, token))) return false
    }
    return true
  }

  /** Sent one after the other without waiting, they are carried out in that order. */
  async #placeAll(recorded: readonly Recorded[], token: string): Promise<boolean> {
    const placed = await inBatches(recorded, each => this.#parts.restoring.place(each, token))
    return placed.every(Boolean)
  }

  #listEnded(token: string): void {
    this.#listing = this.#list(token).catch((error: unknown) => {
      this.#parts.warn(`Ended jobs are not all listed yet: ${messageOf(error)}; it is gone on with.`)
    })
  }

  async #list(token: string): Promise<void> {
    const { scripts, journal, restoring, closing } = this.#parts
    for (const batch of batches(await journal.ids())) {
      if (closing.aborted || !(await this.#isOurs(token))) return
      const missing = texts(await scripts.run('missing', ...batch)).filter(isJobId)
      const recorded = await inBatches(missing, id => restoring.recorded(id))
      if (
        !(await this.#placeAll(
          recorded.filter(({ job }) => job),
          token,
        ))
      )
        return
    }
    await scripts.run('restored', token)
  }

  async #isOurs(token: string): Promise<boolean> {
    return (await this.#parts.scripts.run('lock', 'rebuild', token, lockMs)) === 1
  }
}

function* batches<T>(all: readonly T[]): Generator<readonly T[]> {
  for (let start = 0; start < all.length; start += batchSize) yield all.slice(start, start + batchSize)
}
