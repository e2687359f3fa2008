import type { Job } from './job.ts'

/** What is counted and timed of a process that serves jobs. Nothing here may throw: no job is to fail for a figure. */
export interface Measures {
  submitted(): void
  /** @param waitedMs from the submission to the claim */
  claimed(waitedMs: number): void
  /** A job is over, however it ended. */
  ended(job: Job): void
  /** @param ok false: the store could not be asked, or said that the lease is lost */
  leaseRenewed(ok: boolean): void
  /** @param ms until the lock was there, or was given up */
  lockWaited(ms: number): void
  /** @param command git's subcommand */
  gitRan(command: string, ms: number, ok: boolean): void
  /** @param cached whether the commit was in the clone cache already */
  workspaceReady(ms: number, cached: boolean): void
  /** @param status the HTTP status the model answered with; undefined when it gave none */
  modelRetried(status: number | undefined): void
}

/** Nobody is interested. */
export const noMeasures: Measures = {
  submitted: () => undefined,
  claimed: () => undefined,
  ended: () => undefined,
  leaseRenewed: () => undefined,
  lockWaited: () => undefined,
  gitRan: () => undefined,
  workspaceReady: () => undefined,
  modelRetried: () => undefined,
}
