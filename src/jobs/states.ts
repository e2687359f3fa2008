import { AgenticoreError } from './errors.ts'
import { type CompleteRequest, isFinal, type Job, type JobId, type Outcome, type RunFacts } from './job.ts'

/**
 * How a job moves; the only place that writes a status.
 *
 *     queued ──claimed──▶ running ──finished──▶ succeeded | failed | cancelled
 *       ▲                    │
 *       └─released/abandoned─┘──abandoned for the third time──▶ failed (poison)
 *     queued ──cancelRequested──▶ cancelled
 *     queued ──expired, when it has waited too long──▶ expired
 *
 * Nothing leaves a final state. A cancel request on a running job is a mark: the holder stops, and whatever it then
 * says (finished or released), the job ends cancelled, with what it cost and where its branch is. A released job has
 * spent no attempt; an abandoned one, whose holder died, neither.
 */

/** Of a record. Goes up only for what the version before could not read: new fields and new error codes it lets stand. */
export const schemaVersion = 1

/** A job that takes its holder down so many times in a row is taken for the cause. */
export const poisonousCrashes = 3

export function queued(id: JobId, request: CompleteRequest, at: Date): Job {
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

/** A job as it was before its first attempt. */
export function asSubmitted(job: Job): Job {
  const { startedAt: _, bootId: __, ...rest } = job
  return { ...rest, status: 'queued', podName: '', fence: 0, attempt: 0 }
}

/** True when a claim may take the job now. */
export function isReady(job: Job, at: Date): boolean {
  return job.status === 'queued' && (job.notBefore === undefined || Date.parse(job.notBefore) <= at.getTime())
}

export function claimed(job: Job, claim: { fence: number; podName: string; bootId: string; at: Date }): Job {
  expectStatus(job, 'queued')
  if (claim.fence <= job.fence)
    throw new Error(`Fence ${claim.fence} of job ${job.id} does not rise above ${job.fence}`)
  const { notBefore: _, ...rest } = job
  return {
    ...rest,
    status: 'running',
    fence: claim.fence,
    podName: claim.podName,
    bootId: claim.bootId,
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
  const { pid: _, agentUid: __, crashes: ___, bootId: ____, ...rest } = job
  return {
    ...rest,
    status: 'queued',
    podName: '',
    worktreePath: '',
    attempt: job.attempt - 1,
    interruptions: job.interruptions + 1,
    ...(release.notBefore ? { notBefore: release.notBefore.toISOString(), putOffs: (job.putOffs ?? 0) + 1 } : {}),
  }
}

/** The holder is gone without a word. */
export function abandoned(job: Job, at: Date): Job {
  const crashes = (job.crashes ?? 0) + 1
  const next = released(job, { at })
  if (next.status !== 'queued') return next
  if (crashes < poisonousCrashes) return { ...next, crashes }
  const error = `The process that ran the job died ${crashes} times in a row.`
  return ended({ ...job, crashes }, { status: 'failed', errorCode: 'poison', error, facts: {} }, at)
}

/** True when a queued job has waited longer than it was to wait. */
export function isOverdue(job: Job, at: Date): boolean {
  return job.status === 'queued' && at.getTime() >= startByMs(job)
}

/** When a job that waits is overdue, in ms since 1970: never, once it has started. */
export function startByMs({ createdAt, startedAt, queueTtlSeconds }: Job): number {
  if (queueTtlSeconds === undefined || startedAt !== undefined) return Number.POSITIVE_INFINITY
  return Date.parse(createdAt) + queueTtlSeconds * 1000
}

export function expired(job: Job, at: Date): Job {
  expectStatus(job, 'queued')
  return ended(job, { status: 'expired', facts: {} }, at)
}

/** True when a job has been over for as long as it is kept. */
export function isForgettable(job: Job, at: Date): boolean {
  return job.endedAt !== undefined && at.getTime() >= Date.parse(job.endedAt) + job.ttlSeconds * 1000
}

export function finished(job: Job, outcome: Outcome, at: Date): Job {
  expectStatus(job, 'running')
  const cancelled = job.cancelRequestedAt !== undefined
  return ended(job, cancelled ? { status: 'cancelled', facts: outcome.facts } : outcome, at)
}

/** A final job is returned as it is: cancelling what has ended changes nothing. The first request is the one that counts. */
export function cancelRequested(job: Job, at: Date): Job {
  if (isFinal(job)) return job
  const marked = { ...job, cancelRequestedAt: job.cancelRequestedAt ?? at.toISOString() }
  return job.status === 'queued' ? ended(marked, { status: 'cancelled', facts: {} }, at) : marked
}

/** An outcome that a cancel request overrules: what it cost and where its branch is stay. */
export function overruled(job: Job, cancelRequestedAt: string): Job {
  const { error: _, errorCode: __, ...rest } = job
  return { ...rest, status: 'cancelled', cancelRequestedAt }
}

type Ending = Outcome | { readonly status: 'expired'; readonly facts: RunFacts }

function ended(job: Job, outcome: Ending, at: Date): Job {
  const { pid: _, agentUid: __, notBefore: ___, ...rest } = job
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
