import { AgenticoreError } from './errors.ts'
import type { JobRequest } from './job.ts'

/** Bytes of UTF-8. A task beyond this is material, and belongs into a file of the repository. */
export const maxTaskBytes = 512 * 1024

/** @throws AgenticoreError `invalid_request` that names the field, its value and what is allowed. */
export function checkRequest(request: JobRequest): void {
  checkTask(request.task)
  checkPositive('max_turns', request.maxTurns)
  checkPositive('max_budget_usd', request.maxBudgetUsd)
  checkPositive('timeout', request.timeoutSeconds)
  checkPositive('ttl_seconds', request.ttlSeconds)
  checkPositive('queue_ttl_seconds', request.queueTtlSeconds)
}

function checkTask(task: string): void {
  if (task.trim() === '') throw new AgenticoreError('invalid_request', 'The task is empty: say what is to be done.')
  if (task.includes('\0')) throw new AgenticoreError('invalid_request', 'The task contains a NUL character.')
  const bytes = Buffer.byteLength(task)
  if (bytes <= maxTaskBytes) return
  throw new AgenticoreError('invalid_request', `The task has ${bytes} bytes; at most ${maxTaskBytes} are allowed.`, {
    remedy: 'Put the material into a file of the repository and name the file in the task. Nothing was submitted.',
  })
}

function checkPositive(name: string, value: number | undefined): void {
  if (value === undefined || (Number.isFinite(value) && value > 0)) return
  throw new AgenticoreError('invalid_request', `${name} is ${value}; it must be greater than 0.`)
}
