import { AgenticoreError } from './errors.ts'
import type { CompleteRequest, Job, JobRequest } from './job.ts'

/** Bytes of UTF-8. A task beyond this is material, and belongs into a file of the repository. */
export const maxTaskBytes = 512 * 1024

/** @throws AgenticoreError `invalid_request` that names the field, its value and what is allowed. */
export function checkRequest(request: JobRequest): void {
  checkTask(request.task)
  checkKey(request.idempotencyKey)
  checkPositive('max_turns', request.maxTurns)
  checkPositive('max_budget_usd', request.maxBudgetUsd)
  checkPositive('timeout', request.timeoutSeconds)
  checkPositive('ttl_seconds', request.ttlSeconds)
  checkPositive('queue_ttl_seconds', request.queueTtlSeconds)
}

/** How a request is traced is no part of what it asks for. */
const requestFields: Readonly<Record<Exclude<keyof JobRequest, 'traceparent'>, true>> = {
  task: true,
  repoUrl: true,
  baseRef: true,
  profile: true,
  mode: true,
  model: true,
  maxTurns: true,
  maxBudgetUsd: true,
  timeoutSeconds: true,
  ttlSeconds: true,
  queueTtlSeconds: true,
  idempotencyKey: true,
  continues: true,
}

/** What was asked for. */
export function requestOf(job: Job): JobRequest {
  const { task, repoUrl, baseRef, profile, mode, ttlSeconds } = job
  const optional = Object.entries(job).filter(
    ([key, value]) => Object.hasOwn(requestFields, key) && value !== undefined,
  )
  return { ...Object.fromEntries(optional), task, repoUrl, baseRef, profile, mode, ttlSeconds }
}

/** What is the server's to say where it was not asked for. */
export function completed(wanted: JobRequest, defaults: { profile: string; ttlSeconds: number }): CompleteRequest {
  const { profile, ttlSeconds } = wanted
  const defaulted: (keyof JobRequest)[] = []
  if (profile === '') defaulted.push('profile')
  if (ttlSeconds === undefined) defaulted.push('ttlSeconds')
  return {
    ...wanted,
    profile: profile || defaults.profile,
    ttlSeconds: ttlSeconds ?? defaults.ttlSeconds,
    ...(defaulted.length === 0 ? {} : { defaulted }),
  }
}

/**
 * What was asked for, as text that is the same for the same request. Who waits for the job asks for nothing else, and a
 * default is none of the request, so that a server with another one takes it for the same.
 */
export function requestText(job: Job): string {
  const { mode: _, ...asked } = requestFields
  const isDefault = (field: string): boolean => job.defaulted?.some(each => each === field) ?? false
  return JSON.stringify(Object.keys(asked).map(field => (isDefault(field) ? null : (Reflect.get(job, field) ?? null))))
}

/** True when both ask for the same. */
export const sameRequest = (a: Job, b: Job): boolean => requestText(a) === requestText(b)

function checkTask(task: string): void {
  if (task.trim() === '') throw new AgenticoreError('invalid_request', 'The task is empty: say what is to be done.')
  if (task.includes('\0')) throw new AgenticoreError('invalid_request', 'The task contains a NUL character.')
  if (!task.isWellFormed()) {
    throw new AgenticoreError('invalid_request', 'The task contains half a character (a surrogate without its pair).')
  }
  const bytes = Buffer.byteLength(task)
  if (bytes <= maxTaskBytes) return
  throw new AgenticoreError('invalid_request', `The task has ${bytes} bytes; at most ${maxTaskBytes} are allowed.`, {
    remedy: 'Put the material into a file of the repository and name the file in the task. Nothing was submitted.',
  })
}

/** Whoever gives one that is empty, as `$KEY` of a shell may be, takes the submission for safe to repeat. */
function checkKey(key: string | undefined): void {
  if (key === '') throw new AgenticoreError('invalid_request', 'The idempotency key is empty.')
}

function checkPositive(name: string, value: number | undefined): void {
  if (value === undefined || (Number.isFinite(value) && value > 0)) return
  throw new AgenticoreError('invalid_request', `${name} is ${value}; it must be greater than 0.`)
}
