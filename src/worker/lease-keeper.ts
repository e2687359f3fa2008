import { AgenticoreError } from '../jobs/errors.ts'
import { type Measures, noMeasures } from '../jobs/measures.ts'
import type { JobStore, Lease } from '../jobs/ports.ts'
import type { Clock } from '../util/clock.ts'

/** Why the holder of a lease has to stop: somebody asked for it, or the lease is lost. */
export class LeaseEnded extends Error {
  readonly why: 'cancelled' | 'lost'

  constructor(why: 'cancelled' | 'lost') {
    super(why === 'cancelled' ? 'cancelled' : 'the lease is lost')
    this.why = why
  }
}

export interface LeaseKeeperParts {
  readonly store: Pick<JobStore, 'renew'>
  readonly clock: Clock
  readonly everyMs: number
  readonly measures?: Pick<Measures, 'leaseRenewed'>
}

/**
 * Renews a lease for as long as `work` takes or until it says that the lease is given back; its signal aborts with
 * `LeaseEnded` when the job is to be cancelled or belongs to somebody else. A store that cannot be asked for a while is no
 * reason to stop.
 */
export async function whileRenewed<T>(
  { store, clock, everyMs, measures = noMeasures }: LeaseKeeperParts,
  lease: Lease,
  work: (signal: AbortSignal, givenBack: () => void) => Promise<T>,
): Promise<T> {
  const ended = new AbortController()
  const done = new AbortController()
  let isLost = false
  const renewing = (async () => {
    while (!ended.signal.aborted) {
      await clock.sleep(everyMs, done.signal)
      const why = await ask(store, lease, measures)
      isLost = why === 'lost'
      if (why) ended.abort(new LeaseEnded(why))
    }
  })().catch((error: unknown) => {
    if (!done.signal.aborted) throw error
  })
  try {
    return await work(ended.signal, () => done.abort())
  } finally {
    // Asked for in the moment it was given back, a lease is gone, too; that is no loss.
    if (isLost && !done.signal.aborted) measures.leaseRenewed(false)
    done.abort()
    await renewing
  }
}

async function ask(
  store: LeaseKeeperParts['store'],
  lease: Lease,
  measures: Pick<Measures, 'leaseRenewed'>,
): Promise<LeaseEnded['why'] | undefined> {
  try {
    const { cancelRequested } = await store.renew(lease)
    measures.leaseRenewed(true)
    return cancelRequested ? 'cancelled' : undefined
  } catch (error) {
    if (error instanceof AgenticoreError && error.code === 'stale_lease') return 'lost'
    measures.leaseRenewed(false)
    return undefined
  }
}
