import type { RunnerEvent } from '../jobs/events.ts'
import type { EventLog, JobStore, Lease, Reaped } from '../jobs/ports.ts'
import { messageOf } from '../util/error-code.ts'

export interface ReaperParts {
  readonly store: JobStore
  readonly events: EventLog
  warn(message: string): void
  /** Ends every process of an attempt that is still there. */
  endProcesses(lease: Lease): Promise<void>
}

/** What dead holders have left: their agents ended, their jobs queued again or ended, and that in the log. */
export async function reap({ store, events, warn, endProcesses }: ReaperParts): Promise<Reaped[]> {
  const reaped = await store.reap(endProcesses)
  for (const each of reaped) {
    const event = eventFor(each)
    if (!event) continue
    try {
      await events.append(each.lease, event)
    } catch (error) {
      warn(`The event log of job ${each.job.id} cannot be written: ${messageOf(error)}`)
    }
  }
  return reaped
}

/** None for an attempt that said itself how it ended, or that never began. */
function eventFor({ lease, job }: Reaped): RunnerEvent | undefined {
  if (lease.job.status !== 'running') return undefined
  if (job.status === 'queued') return { type: 'released', reason: 'the process that ran it died' }
  if (job.status === 'cancelled') return { type: 'outcome', status: 'cancelled' }
  if (job.errorCode !== 'poison' || job.error === undefined) return undefined
  return { type: 'outcome', status: 'failed', errorCode: job.errorCode, error: job.error }
}
