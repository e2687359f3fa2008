import type { JobId } from './jobs/job.ts'
import type { LocalParts } from './parts.ts'
import { clearEnded, recover, sweep } from './recovery.ts'
import { systemClock } from './util/clock.ts'
import { messageOf } from './util/error-code.ts'
import { every } from './util/every.ts'

const beatEveryMs = 10_000
const lookEveryMs = 60_000
const sweepEveryMs = 600_000
const keepEveryMs = 3_600_000
const webhookEveryMs = 5000
const webhookLimitMs = 60_000

export interface Chores {
  /** Resolves when the last one is over, after `signal` has aborted. */
  readonly over: Promise<unknown>
}

export interface ChoresOptions {
  readonly signal: AbortSignal
  /** Told of each job that was taken back from a process that is gone. */
  readonly recovered: Recovered
  /** Jobs that have left something on this machine, and that another one runs. */
  readonly left: Set<JobId>
  /** Tells the others that this process lives. */
  beat(): Promise<void>
  /** Looks whether the place where jobs are claimed is as it should be. */
  look(): Promise<void>
  /** Marks what jobs run on as in use. */
  keep(): Promise<void>
}

type Recovered = (job: Awaited<ReturnType<typeof recover>>[number]['job']) => void

/** What a daemon does now and then for all processes on its files. */
export function startChores(local: LocalParts, { signal, recovered, left, beat, look, keep }: ChoresOptions): Chores {
  const chore = (ms: number, what: string, work: () => Promise<void>): Promise<void> => {
    const failed = (error: unknown): void => local.warn(`${what}: ${messageOf(error)}`)
    return every(ms, { clock: systemClock, signal, failed }, work)
  }
  const { webhook, stored } = local
  const { reapEveryMs } = stored.leases
  const flush = async (): Promise<void> => await (await webhook?.())?.flush({ limitMs: webhookLimitMs, signal })
  const all = [
    chore(reapEveryMs, 'What processes that are gone have left was not taken back', () => takeBack(local, recovered)),
    chore(reapEveryMs, 'What was left of jobs that ended elsewhere was not removed', () => clearEnded(local, left)),
    chore(sweepEveryMs, 'Old jobs were not deleted', () => sweep(local)),
    chore(beatEveryMs, 'The other servers do not hear of this one', beat),
    chore(lookEveryMs, 'Where jobs are claimed was not looked at', look),
    chore(keepEveryMs, 'The clone of agentihooks could not be marked as in use', keep),
    ...(webhook ? [chore(webhookEveryMs, 'The webhook could not be sent', flush)] : []),
  ]
  return { over: Promise.all(all) }
}

/** Jobs of processes that are gone are ended or queued again. */
export async function takeBack(local: LocalParts, recovered: Recovered): Promise<void> {
  for (const { job } of await recover(local)) recovered(job)
}
