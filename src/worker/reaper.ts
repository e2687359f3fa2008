import type { RunnerEvent } from '../jobs/events.ts'
import type { Job } from '../jobs/job.ts'
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
  // While nobody sees it yet: who follows the job leaves when it has ended.
  return await store.reap(endProcesses, async ({ lease, job }) => {
    const event = eventFor(job)
    try {
      if (event) await events.append(lease, event)
    } catch (error) {
      warn(`The event log of job ${job.id} cannot be written: ${messageOf(error)}`)
    }
  })
}

function eventFor(job: Job): RunnerEvent | undefined {
  if (job.status === 'queued') return { type: 'released', reason: 'the process that ran it died' }
  if (job.status === 'cancelled') return { type: 'outcome', status: 'cancelled' }
  if (job.errorCode === undefined || job.error === undefined) return undefined
  return { type: 'outcome', status: 'failed', errorCode: job.errorCode, error: job.error }
}
