import type { Test } from 'tap'
import { AgenticoreError } from '../../src/jobs/errors.ts'
import type { CompleteRequest, Job, Outcome } from '../../src/jobs/job.ts'
import type { JobStore, Lease } from '../../src/jobs/ports.ts'
import type { Clock } from '../../src/util/clock.ts'
import type { ManualClock } from '../helpers/clock.ts'
import { newJob } from '../helpers/jobs.ts'

/** A store under test, and the same store seen by other processes. */
export interface StoreUnderTest {
  readonly store: JobStore
  readonly other: JobStore
  /** One more process. */
  open(): Promise<JobStore>
}

export type OpenStore = (t: Test, clock: Clock) => Promise<StoreUnderTest>

export const done: Outcome = {
  status: 'succeeded',
  facts: { output: 'done', totalCostUsd: 0.25, branch: 'agenticore/x' },
}
export const broken: Outcome = {
  status: 'failed',
  errorCode: 'agent_failed',
  error: 'it broke',
  facts: { totalCostUsd: 0.5 },
}

/** States one promise of every store, under a title. */
export type Rule = (title: string, body: (t: Test, kit: Kit) => Promise<void>) => void

export class Kit {
  readonly clock: ManualClock
  readonly store: JobStore
  readonly other: JobStore
  readonly open: () => Promise<JobStore>

  constructor(clock: ManualClock, { store, other, open }: StoreUnderTest) {
    this.clock = clock
    this.store = store
    this.other = other
    this.open = open
  }

  async submit(given: Partial<CompleteRequest> = {}): Promise<Job> {
    this.clock.advance(10)
    return await this.store.submit(newJob(this.clock.now(), given))
  }

  /** Who was taken back, and what became of each. */
  async reap(store: JobStore): Promise<[string, string][]> {
    return (await store.reap(async () => undefined)).map(({ job }) => [job.id, job.status])
  }

  given(lease: Lease | undefined): Lease {
    if (!lease) throw new Error('There was nothing to claim')
    return lease
  }

  async claim(podName = 'pod-a'): Promise<Lease> {
    return this.given(await this.store.claim({ podName }))
  }

  async refused(t: Test, write: () => Promise<unknown>): Promise<void> {
    try {
      await write()
      t.fail('the write was accepted')
    } catch (error) {
      t.ok(error instanceof AgenticoreError && error.code === 'stale_lease', String(error))
    }
  }
}
