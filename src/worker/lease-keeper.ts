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
 * Renews a lease for as long as `work` takes; its signal aborts with `LeaseEnded` when the job is to be cancelled or
 * belongs to somebody else. A store that cannot be asked for a while is no reason to stop.
 */
export async function whileRenewed<T>(
  { store, clock, everyMs, measures = noMeasures }: LeaseKeeperParts,
  lease: Lease,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const ended = new AbortController()
  const done = new AbortController()
  const renewing = (async () => {
    while (!ended.signal.aborted) {
      await clock.sleep(everyMs, done.signal)
      const why = await ask(store, lease, measures)
      if (why) ended.abort(new LeaseEnded(why))
    }
  })()
  try {
    return await work(ended.signal)
  } finally {
    done.abort()
    await renewing.catch((error: unknown) => {
      if (!done.signal.aborted) throw error
    })
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
    measures.leaseRenewed(false)
    return error instanceof AgenticoreError && error.code === 'stale_lease' ? 'lost' : undefined
  }
}
