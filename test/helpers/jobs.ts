import assert from 'node:assert/strict'
import type { Job, JobId, JobRequest } from '../../src/jobs/job.ts'
import { isJobId } from '../../src/jobs/record.ts'
import { queued } from '../../src/jobs/states.ts'
import { uuidV7 } from '../../src/util/ids.ts'

export const request: JobRequest = {
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

export const newJob = (at: Date, given: Partial<JobRequest> = {}): Job =>
  queued(jobId(at), { ...request, ...given }, at)
