import assert from 'node:assert/strict'
import type { CompleteRequest, Job, JobId } from '../../src/jobs/job.ts'
import { isJobId } from '../../src/jobs/record.ts'
import { queued } from '../../src/jobs/states.ts'
import { uuidV7 } from '../../src/util/ids.ts'

export const request: CompleteRequest = {
  task: 'fix the login bug',
  repoUrl: '/srv/app.git',
  baseRef: '',
  profile: 'coding',
  mode: 'sync',
  ttlSeconds: 86_400,
}

export function jobId(at: Date): JobId {
  const id = uuidV7(at)
  assert(isJobId(id))
  return id
}

export const newJob = (at: Date, given: Partial<CompleteRequest> = {}): Job =>
  queued(jobId(at), { ...request, ...given }, at)
