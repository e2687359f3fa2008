import { AgenticoreError } from './errors.ts'
import { isFinal, type Job, type JobId, type JobRequest, type Outcome, type RunFacts } from './job.ts'

/**
 * How a job moves; the only place that writes a status.
 *
 *     queued ──claimed──▶ running ──finished──▶ succeeded | failed | cancelled
 *       ▲                    │
 *       └──────released──────┘
 *     queued ──cancelRequested──▶ cancelled
 *
 * Nothing leaves a final state. A cancel request on a running job is a mark: the holder stops, and whatever it then
 * says (finished or released), the job ends cancelled, with what it cost and where its branch is. A released job has
 * spent no attempt.
 */

export const schemaVersion = 1

export function queued(id: JobId, request: JobRequest, at: Date): Job {
  return {
    id,
    ...request,
    status: 'queued',
    createdAt: at.toISOString(),
    podName: '',
    fence: 0,
    attempt: 0,
    interruptions: 0,
    worktreePath: '',
    jobConfigDir: '',
    branch: '',
    resumed: false,
    outputTruncated: false,
    schemaVersion,
  }
}

/** True when a claim may take the job now. */
export function isReady(job: Job, at: Date): boolean {
  return job.status === 'queued' && (job.notBefore === undefined || Date.parse(job.notBefore) <= at.getTime())
}

export function claimed(job: Job, claim: { fence: number; podName: string; at: Date }): Job {
  expectStatus(job, 'queued')
  if (claim.fence <= job.fence)
    throw new Error(`Fence ${claim.fence} of job ${job.id} does not rise above ${job.fence}`)
  const { notBefore: _, ...rest } = job
  return {
    ...rest,
    status: 'running',
    fence: claim.fence,
    podName: claim.podName,
    startedAt: claim.at.toISOString(),
    attempt: job.attempt + 1,
  }
}

export function recorded(job: Job, facts: RunFacts): Job {
  expectStatus(job, 'running')
  return { ...job, ...facts }
}

export function released(job: Job, release: { notBefore?: Date; at: Date }): Job {
  expectStatus(job, 'running')
  if (job.cancelRequestedAt !== undefined) return ended(job, { status: 'cancelled', facts: {} }, release.at)
  const { pid: _, ...rest } = job
  return {
    ...rest,
    status: 'queued',
    podName: '',
    worktreePath: '',
    attempt: job.attempt - 1,
    interruptions: job.interruptions + 1,
    ...(release.notBefore ? { notBefore: release.notBefore.toISOString() } : {}),
  }
}

export function finished(job: Job, outcome: Outcome, at: Date): Job {
  expectStatus(job, 'running')
  const cancelled = job.cancelRequestedAt !== undefined
  return ended(job, cancelled ? { status: 'cancelled', facts: outcome.facts } : outcome, at)
}

/** A final job is returned as it is: cancelling what has ended changes nothing. */
export function cancelRequested(job: Job, at: Date): Job {
  if (isFinal(job) || job.cancelRequestedAt !== undefined) return job
  const marked = { ...job, cancelRequestedAt: at.toISOString() }
  return job.status === 'queued' ? ended(marked, { status: 'cancelled', facts: {} }, at) : marked
}

function ended(job: Job, outcome: Outcome, at: Date): Job {
  const { pid: _, notBefore: __, ...rest } = job
  return {
    ...rest,
    ...outcome.facts,
    status: outcome.status,
    endedAt: at.toISOString(),
    ...(outcome.status === 'failed' ? { error: outcome.error, errorCode: outcome.errorCode } : {}),
  }
}

function expectStatus(job: Job, status: Job['status']): void {
  if (job.status === status) return
  throw new AgenticoreError('stale_lease', `Job ${job.id} is ${job.status}, not ${status}.`)
}
