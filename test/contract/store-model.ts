import assert from 'node:assert/strict'
import * as fc from 'fast-check'
import type { JobStatus } from '../../src/jobs/job.ts'

/** One step that somebody takes; jobs, leases and processes are picked by remainder from what there is. */
export type Step =
  | { readonly type: 'submit' | 'claim' | 'kill' | 'reap'; readonly process: number }
  | { readonly type: 'cancel'; readonly process: number; readonly job: number }
  | { readonly type: 'record' | 'succeed' | 'fail'; readonly lease: number }
  | { readonly type: 'release'; readonly lease: number; readonly delayMs: number }
  | { readonly type: 'advance'; readonly ms: number }
  /** The process dies when it next comes by this point. */
  | { readonly type: 'arm'; readonly process: number; readonly point: number }

const number = fc.nat(20)
const process = fc.nat(1)

export const steps = fc.array(
  fc.oneof(
    { weight: 3, arbitrary: fc.record({ type: fc.constant('submit' as const), process }) },
    { weight: 6, arbitrary: fc.record({ type: fc.constant('claim' as const), process }) },
    { weight: 2, arbitrary: fc.record({ type: fc.constantFrom('kill' as const, 'reap' as const), process }) },
    { weight: 3, arbitrary: fc.record({ type: fc.constant('cancel' as const), process, job: number }) },
    {
      weight: 6,
      arbitrary: fc.record({
        type: fc.constantFrom('record' as const, 'succeed' as const, 'fail' as const),
        lease: number,
      }),
    },
    {
      weight: 3,
      arbitrary: fc.record({ type: fc.constant('release' as const), lease: number, delayMs: fc.constantFrom(0, 5000) }),
    },
    { weight: 1, arbitrary: fc.record({ type: fc.constant('advance' as const), ms: fc.constantFrom(1000, 6000) }) },
    { weight: 8, arbitrary: fc.record({ type: fc.constant('arm' as const), process, point: number }) },
  ),
  { minLength: 5, maxLength: 40 },
)

/** A job as the rules of PROTOCOL.md have it. */
export interface ModelJob {
  status: JobStatus
  fence: number
  attempt: number
  interruptions: number
  crashes: number
  cancelled: boolean
  readyAt: number
  holder: number | undefined
}

/** The rules in the fewest words; written apart from src/jobs/states.ts, which is what they are held against. */
export class Model {
  readonly jobs = new Map<string, ModelJob>()
  now = 0

  clone(): Model {
    const copy = new Model()
    copy.now = this.now
    for (const [id, job] of this.jobs) copy.jobs.set(id, { ...job })
    return copy
  }

  submit(id: string): void {
    const fresh = { fence: 0, attempt: 0, interruptions: 0, crashes: 0, cancelled: false, readyAt: 0 }
    this.jobs.set(id, { status: 'queued', ...fresh, holder: undefined })
  }

  /** Ids sort by submission. */
  next(): string | undefined {
    return [...this.jobs.keys()].sort().find(id => this.job(id).status === 'queued' && this.job(id).readyAt <= this.now)
  }

  claim(id: string, process: number, fence: number): void {
    const job = this.job(id)
    assert(fence > job.fence, 'the fence rises')
    Object.assign(job, { status: 'running', fence, attempt: job.attempt + 1, holder: process, readyAt: 0 })
  }

  holds(id: string, fence: number, process: number): boolean {
    const job = this.job(id)
    return job.status === 'running' && job.fence === fence && job.holder === process
  }

  finish(id: string, status: JobStatus): void {
    const job = this.job(id)
    Object.assign(job, { status: job.cancelled ? 'cancelled' : status, holder: undefined })
  }

  release(id: string, delayMs: number): void {
    this.#requeue(this.job(id), delayMs === 0 ? 0 : this.now + delayMs)
    this.job(id).crashes = 0
  }

  cancel(id: string): void {
    const job = this.job(id)
    if (job.status === 'queued') Object.assign(job, { status: 'cancelled', cancelled: true })
    if (job.status === 'running') job.cancelled = true
  }

  kill(process: number): void {
    for (const job of this.jobs.values()) if (job.holder === process) job.holder = undefined
  }

  reap(): void {
    for (const job of this.jobs.values()) {
      if (job.status !== 'running' || job.holder !== undefined) continue
      job.crashes += 1
      if (job.crashes >= 3 && !job.cancelled) job.status = 'failed'
      else this.#requeue(job, 0)
    }
  }

  job(id: string): ModelJob {
    const job = this.jobs.get(id)
    assert(job, id)
    return job
  }

  #requeue(job: ModelJob, readyAt: number): void {
    if (job.cancelled) return void Object.assign(job, { status: 'cancelled', holder: undefined })
    const counts = { attempt: job.attempt - 1, interruptions: job.interruptions + 1 }
    Object.assign(job, { status: 'queued', holder: undefined, readyAt, ...counts })
  }
}
