import assert from 'node:assert/strict'
import * as fc from 'fast-check'
import type { JobStatus } from '../../src/jobs/job.ts'

/** One step that somebody takes; jobs, leases and processes are picked by remainder from what there is. */
export type Step =
  | { readonly type: 'submit'; readonly process: number; readonly key?: string; readonly queueTtlSeconds?: number }
  | { readonly type: 'claim' | 'kill' | 'reap' | 'sweep'; readonly process: number }
  | { readonly type: 'cancel' | 'look'; readonly process: number; readonly job: number }
  | { readonly type: 'record' | 'succeed' | 'fail'; readonly lease: number }
  | { readonly type: 'release'; readonly lease: number; readonly delayMs: number }
  | { readonly type: 'advance'; readonly ms: number }
  /** The process dies when it next comes by this point. */
  | { readonly type: 'arm'; readonly process: number; readonly point: number }
  /** The disk fails the process's next claim after its attempt has begun. */
  | { readonly type: 'break'; readonly process: number }
  /** While the process reaps, after it has looked at the first job, the other one claims and gives back, and time goes by. */
  | { readonly type: 'overtaken'; readonly process: number; readonly ms: number }

/** The number of the point that only sweepers come by, and of the latest job. */
export const [sweepPoint, last] = [-1, -1]

const number = fc.nat(20)
const process = fc.nat(1)

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 2, arbitrary: fc.record({ type: fc.constant('submit' as const), process }) },
  {
    weight: 1,
    arbitrary: fc.record({ type: fc.constant('submit' as const), process, queueTtlSeconds: fc.constant(5) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ type: fc.constant('submit' as const), process, key: fc.constant('a') }),
  },
  { weight: 6, arbitrary: fc.record({ type: fc.constant('claim' as const), process }) },
  {
    weight: 3,
    arbitrary: fc.record({ type: fc.constantFrom('kill' as const, 'reap' as const, 'sweep' as const), process }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ type: fc.constantFrom('cancel' as const, 'look' as const), process, job: number }),
  },
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
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constant('advance' as const),
      ms: fc.constantFrom(1000, 6000, 12_000, 7_200_000),
    }),
  },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('break' as const), process }) },
  {
    weight: 1,
    arbitrary: fc.record({ type: fc.constant('overtaken' as const), process, ms: fc.constantFrom(0, 6000) }),
  },
  { weight: 8, arbitrary: fc.record({ type: fc.constant('arm' as const), process, point: number }) },
)

/** What was over is forgotten, unless the sweeper dies of it; a random walk seldom comes to that. */
const forget: fc.Arbitrary<Step[]> = fc
  .tuple(process, fc.boolean())
  .map(([process, dies]) => [
    { type: 'advance', ms: 12_000 },
    ...(dies ? [{ type: 'arm', process, point: sweepPoint } as const] : []),
    { type: 'sweep', process },
  ])

/** A whole life of a job under the one key. */
const life: fc.Arbitrary<Step[]> = process.map(process => [
  { type: 'submit', process, key: 'a' },
  { type: 'cancel', process, job: last },
])

export const steps: fc.Arbitrary<Step[]> = fc
  .array(
    fc.oneof(
      { weight: 30, arbitrary: step.map(each => [each]) },
      { weight: 2, arbitrary: forget },
      { weight: 1, arbitrary: life },
    ),
    { minLength: 5, maxLength: 40 },
  )
  .map(lists => lists.flat())

/** How long a job is kept after its end. */
export const ttlMs = 10_000

/** A job as the rules of PROTOCOL.md have it. Times are ms since the start. */
export interface ModelJob {
  status: JobStatus
  fence: number
  attempt: number
  interruptions: number
  crashes: number
  cancelled: boolean
  readyAt: number
  /** Undefined for a running job: its process is gone, or failed to keep it. */
  holder: number | undefined
  /** Back in the queue though it runs: its claim failed half-way. */
  stranded: boolean
  /** When it expires unless it has started. */
  startBy: number
  endedAt: number | undefined
  key: string | undefined
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

  submit(id: string, { key, startBy }: { key: string | undefined; startBy: number }): void {
    const fresh = { fence: 0, attempt: 0, interruptions: 0, crashes: 0, cancelled: false, readyAt: 0, stranded: false }
    this.jobs.set(id, { status: 'queued', ...fresh, startBy, key, holder: undefined, endedAt: undefined })
  }

  /** The jobs that a key may stand for: the one that is kept, else any that may be forgotten. */
  owners(key: string | undefined): { readonly kept: string | undefined; readonly perhaps: readonly string[] } {
    const owners = key === undefined ? [] : [...this.jobs].filter(([, job]) => job.key === key)
    const kept = owners.filter(([, job]) => !this.isForgettable(job))
    assert(kept.length < 2, `the key ${key} has ${kept.length} jobs`)
    return { kept: kept[0]?.[0], perhaps: owners.map(([id]) => id) }
  }

  /** A claim on its way through the queue takes back what is stranded. @returns the job it gets; ids sort by submission */
  next(): string | undefined {
    for (const id of [...this.jobs.keys()].sort()) {
      const job = this.job(id)
      if (job.stranded) this.#takeBack(job)
      else if (job.status === 'queued' && job.readyAt <= this.now && !this.isOverdue(job)) return id
    }
    return undefined
  }

  claim(id: string, process: number, fence: number): void {
    const job = this.job(id)
    assert(fence > job.fence, 'the fence rises')
    const started = { startBy: Number.POSITIVE_INFINITY, readyAt: 0 }
    Object.assign(job, { status: 'running', fence, attempt: job.attempt + 1, holder: process, ...started })
  }

  strand(id: string): void {
    Object.assign(this.job(id), { holder: undefined, stranded: true })
  }

  holds(id: string, fence: number, process: number): boolean {
    const job = this.jobs.get(id)
    return job?.status === 'running' && job.fence === fence && job.holder === process
  }

  finish(id: string, status: JobStatus): void {
    const job = this.job(id)
    this.#end(job, job.cancelled ? 'cancelled' : status)
  }

  release(id: string, delayMs: number): void {
    this.#requeue(this.job(id), delayMs === 0 ? 0 : this.now + delayMs)
    this.job(id).crashes = 0
  }

  cancel(id: string): void {
    const job = this.job(id)
    if (job.endedAt !== undefined) return
    job.cancelled = true
    if (job.status === 'queued') this.#end(job, 'cancelled')
    if (job.stranded) this.#takeBack(job)
  }

  kill(process: number): void {
    for (const job of this.jobs.values()) if (job.holder === process) job.holder = undefined
  }

  reap(): void {
    for (const job of this.jobs.values()) {
      if (job.status === 'running' && job.holder === undefined) this.#takeBack(job)
      this.look(job)
    }
  }

  /** Whoever looks at what has waited too long ends it. */
  look(job: ModelJob): void {
    if (this.isOverdue(job)) this.#end(job, 'expired')
  }

  /** @returns what is forgotten */
  sweep(): string[] {
    const gone = [...this.jobs].flatMap(([id, job]) => (this.isForgettable(job) ? [id] : []))
    for (const id of gone) this.jobs.delete(id)
    return gone
  }

  isOverdue(job: ModelJob): boolean {
    return job.status === 'queued' && this.now >= job.startBy
  }

  isForgettable(job: ModelJob): boolean {
    return job.endedAt !== undefined && this.now >= job.endedAt + ttlMs
  }

  job(id: string): ModelJob {
    const job = this.jobs.get(id)
    assert(job, id)
    return job
  }

  #takeBack(job: ModelJob): void {
    job.crashes += 1
    if (job.crashes >= 3 && !job.cancelled) this.#end(job, 'failed')
    else this.#requeue(job, 0)
  }

  #requeue(job: ModelJob, readyAt: number): void {
    if (job.cancelled) return void this.#end(job, 'cancelled')
    const counts = { attempt: job.attempt - 1, interruptions: job.interruptions + 1 }
    Object.assign(job, { status: 'queued', holder: undefined, stranded: false, readyAt, ...counts })
  }

  #end(job: ModelJob, status: JobStatus): void {
    Object.assign(job, { status, holder: undefined, stranded: false, endedAt: this.now })
  }
}
