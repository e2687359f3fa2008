import assert from 'node:assert/strict'
import type { Job, JobId } from '../../src/jobs/job.ts'
import type { JobStore, Lease } from '../../src/jobs/ports.ts'
import type { FileJournal } from '../../src/store/journal/journal.ts'
import type { Clock } from '../../src/util/clock.ts'
import { ManualClock } from '../helpers/clock.ts'
import { newJob } from '../helpers/jobs.ts'
import { Model, type ModelJob, type Step, ttlMs } from './store-model.ts'

/** A place for jobs, on which processes are opened. */
export interface Place {
  /** Where a process can die; the last one is one that sweepers alone come by. */
  readonly points: readonly string[]
  /** What becomes of a claim whose attempt has begun and whose disk then fails: somebody finds it, or it is given back. */
  readonly broken: 'stranded' | 'released'
  open(process: ProcessParts): Promise<JobStore>
  openJournal(reached: (point: string) => void): Promise<FileJournal>
  /** The job as it is, with nothing done to it. */
  peek(id: JobId): Promise<Job | undefined>
}

export interface ProcessParts {
  readonly journal: FileJournal
  readonly clock: Clock
  warn(message: string): void
  reached(point: string): void
}

/** What unwinds a process that "dies" at a point; nothing of what it was doing goes on. */
class Killed extends Error {}

class Broken extends Error {}

function kill(message: string): never {
  throw new Killed(message)
}

/** Looks, and does nothing else. */
const observer = 2

/** Two processes on one place, held against the model after every step. */
export class World {
  readonly #place: Place
  readonly #clock = new ManualClock()
  readonly #start = this.#clock.now().getTime()
  readonly #leases: { readonly process: number; readonly lease: Lease }[] = []
  readonly #armed: (string | undefined)[] = []
  readonly #broken = new Set<number>()
  readonly #dead = new Set<number>()
  readonly #meanwhile = new Map<number, () => Promise<void>>()
  readonly #stores: JobStore[] = []
  #model = new Model()
  readonly ids: JobId[] = []
  kills = 0

  constructor(place: Place) {
    this.#place = place
  }

  async open(): Promise<void> {
    for (const process of [0, 1, observer]) await this.#open(process)
  }

  async #open(process: number): Promise<void> {
    this.#disarm(process)
    const reached = (point: string): void => {
      if (this.#armed[process] === point) this.#dead.add(process)
      // Who is dead does nothing more.
      if (this.#dead.has(process)) throw new Killed(point)
    }
    const journal = await this.#place.openJournal(reached)
    const read = journal.read.bind(journal)
    journal.read = async id => {
      const seen = await read(id)
      const meanwhile = this.#meanwhile.get(process)
      this.#meanwhile.delete(process)
      await meanwhile?.()
      return seen
    }
    const begin = journal.begin.bind(journal)
    journal.begin = async job => {
      const begun = await begin(job)
      if (begun && this.#broken.delete(process)) {
        // One fault at a time, where what was begun is given back at once.
        if (this.#place.broken === 'released') this.#armed[process] = undefined
        throw new Broken()
      }
      return begun
    }
    // Who is dead does not go on with the next job.
    const warn = (message: string): never => (this.#dead.has(process) ? kill(message) : assert.fail(message))
    this.#stores[process] = await this.#place.open({ journal, clock: this.#clock, warn, reached })
  }

  async take(step: Step): Promise<void> {
    const before = this.#model.clone()
    const dying = 'process' in step ? step.process : this.#lease(step)?.process
    try {
      await this.#act(step)
    } catch (error) {
      if (!(error instanceof Killed) || dying === undefined) throw error
      await this.#recover(step, before, dying)
    }
    await this.#compare()
  }

  async close(): Promise<void> {
    for (const store of this.#stores) await store.close()
  }

  #lease(step: Step) {
    return 'lease' in step && this.#leases.length > 0 ? this.#leases[step.lease % this.#leases.length] : undefined
  }

  async #act(step: Step): Promise<void> {
    const model = this.#model
    if (step.type === 'arm') this.#arm(step)
    else if (step.type === 'break') this.#broken.add(step.process)
    else if (step.type === 'advance') this.#advance(step.ms)
    else if ('lease' in step) await this.#write(step)
    else if ('job' in step) await this.#handle(step)
    else if (step.type === 'kill') {
      model.kill(step.process)
      await this.#reopen(step.process)
    } else if (step.type === 'submit') await this.#submit(step)
    else if (step.type === 'claim') await this.#claim(step.process)
    else if (step.type === 'overtaken') await this.#overtake(step)
    else if (step.type === 'reap') {
      model.reap()
      await this.#store(step.process).reap(async () => undefined)
    } else {
      const expected = model.sweep()
      const forgotten = (await this.#store(step.process).sweep()).map(job => job.id)
      assert.deepEqual(forgotten.sort(), expected.sort())
    }
  }

  #arm({ process, point }: Extract<Step, { type: 'arm' }>): void {
    const { points } = this.#place
    this.#armed[process] = points.at(point % points.length)
  }

  #advance(ms: number): void {
    this.#clock.advance(ms)
    this.#model.now += ms
  }

  /** Under a key there is one job, until it may be forgotten. Else a new one, or one that somebody died submitting. */
  async #submit({ process, key, queueTtlSeconds }: Extract<Step, { type: 'submit' }>): Promise<void> {
    const model = this.#model
    this.#advance(1)
    const request = { ttlSeconds: ttlMs / 1000, ...(queueTtlSeconds ? { queueTtlSeconds } : {}) }
    const job = newJob(this.#clock.now(), { ...request, ...(key ? { idempotencyKey: key } : {}) })
    this.ids.push(job.id)
    const owners = model.owners(key)
    const startBy = queueTtlSeconds === undefined ? Number.POSITIVE_INFINITY : model.now + queueTtlSeconds * 1000
    if (owners.kept === undefined) model.submit(job.id, { key, startBy })
    const kept = await this.#store(process).submit(job)
    if (owners.kept !== undefined) return assert.equal(kept.id, owners.kept, `the key ${key} has two jobs`)
    if (kept.id === job.id) return
    model.jobs.delete(job.id)
    if (owners.perhaps.includes(kept.id)) return
    assert(key !== undefined && this.ids.includes(kept.id) && !model.jobs.has(kept.id), `${kept.id} is no new job`)
    model.submit(kept.id, { key, startBy })
  }

  async #claim(process: number): Promise<void> {
    const model = this.#model
    const expected = model.next()
    // Told first: if it dies on the way, the claim may have happened or not.
    const fence = expected === undefined ? 0 : model.job(expected).fence + 1
    if (expected !== undefined) model.claim(expected, process, fence)
    try {
      const lease = await this.#store(process).claim({ podName: `pod-${process}` })
      assert.equal(lease?.job.id, expected)
      if (!lease || expected === undefined) return
      assert(lease.fence >= fence, 'the fence rises')
      model.job(expected).fence = lease.fence
      this.#leases.push({ process, lease })
    } catch (error) {
      if (!(error instanceof Broken) || expected === undefined) throw error
      if (this.#place.broken === 'stranded') model.strand(expected)
      else model.release(expected, 0)
    }
  }

  /** The one that reaps has nothing to do but for what it is told of what has been; then it is as if it came last. */
  async #overtake({ process, ms }: Extract<Step, { type: 'overtaken' }>): Promise<void> {
    for (const each of [process, 1 - process]) this.#disarm(each)
    this.#model.reap()
    await this.#store(process).reap(async () => undefined)
    this.#meanwhile.set(process, async () => {
      const leases = this.#leases.length
      await this.#claim(1 - process)
      if (this.#leases.length > leases) await this.#write({ type: 'release', lease: leases, delayMs: 0 })
      this.#advance(ms)
    })
    await this.#store(process).reap(async () => undefined)
    this.#meanwhile.delete(process)
    this.#model.reap()
  }

  #disarm(process: number): void {
    this.#armed[process] = undefined
    this.#broken.delete(process)
  }

  async #handle({ type, process, job: n }: Extract<Step, { job: number }>): Promise<void> {
    const id = this.ids.at(n % this.ids.length)
    const job = id === undefined ? undefined : this.#model.jobs.get(id)
    if (id === undefined || !job) return
    if (type === 'cancel') {
      this.#model.cancel(id)
      await this.#store(process).cancel(id)
    } else {
      this.#model.look(job)
      assert(isSame(await this.#store(process).get(id), job), `${id} is not shown as it is`)
    }
  }

  /** Whatever is written under a lease that is not the latest is refused. */
  async #write(step: Extract<Step, { lease: number }>): Promise<void> {
    const held = this.#lease(step)
    if (!held) return
    const { lease, process } = held
    const { id } = lease.job
    const store = this.#store(process)
    const write = {
      record: () => store.record(lease, { sessionId: 's' }),
      succeed: () => store.finish(lease, { status: 'succeeded', facts: {} }),
      fail: () => store.finish(lease, { status: 'failed', errorCode: 'agent_failed', error: 'x', facts: {} }),
      release: () => store.release(lease, this.#notBefore(step)),
    }[step.type]
    if (!this.#model.holds(id, lease.fence, process)) return await assert.rejects(write, { code: 'stale_lease' })
    if (step.type === 'succeed') this.#model.finish(id, 'succeeded')
    if (step.type === 'fail') this.#model.finish(id, 'failed')
    if (step.type === 'release') this.#model.release(id, step.delayMs)
    await write()
  }

  #notBefore(step: Step): Date | undefined {
    if (step.type !== 'release' || step.delayMs === 0) return undefined
    return new Date(this.#clock.now().getTime() + step.delayMs)
  }

  /** The step has happened or it has not: after the next reap, nothing in between. */
  async #recover(step: Step, before: Model, process: number): Promise<void> {
    this.kills += 1
    const after = this.#model
    await this.#reopen(process)
    // Its heir lives.
    this.#armed[1 - process] = undefined
    await this.#store(1 - process).reap(async () => undefined)
    for (const model of [before, after]) {
      model.now = after.now
      model.kill(process)
      model.reap()
    }
    for (const id of this.ids) {
      const job = await this.#store(process).get(id)
      const candidates = [before, after].flatMap(model => model.jobs.get(id) ?? [undefined])
      const match = candidates.find(candidate => isSame(job, candidate))
      const known = match !== undefined || (job === undefined && candidates.includes(undefined))
      if (match && job) after.jobs.set(id, { ...match, fence: job.fence })
      else if (known) after.jobs.delete(id)
      else {
        const isLate = candidates.every(candidate => candidate === undefined) && isCompleted(job, step)
        assert(job && isLate, `${id} is neither as before nor as after: ${JSON.stringify([shown(job), candidates])}`)
        after.submit(id, { key: job.idempotencyKey, startBy: Number.POSITIVE_INFINITY })
        if (job.endedAt !== undefined)
          Object.assign(after.job(id), { status: job.status, endedAt: this.#ms(job.endedAt) })
      }
    }
  }

  async #reopen(process: number): Promise<void> {
    this.#disarm(process)
    this.#dead.delete(process)
    await this.#store(process).close()
    await this.#open(process)
  }

  async #compare(): Promise<void> {
    for (const id of this.ids) {
      const model = this.#model.jobs.get(id)
      if (model && this.#model.isOverdue(model)) await this.#compareOverdue(id, model)
      else {
        const job = await this.#store(observer).get(id)
        assert(isSame(job, model), `${id}: ${JSON.stringify([shown(job), model])}`)
        const endedAt = job?.endedAt === undefined ? undefined : this.#ms(job.endedAt)
        assert.equal(endedAt, model?.endedAt, `${id} has ended`)
        assert(job === undefined || Date.parse(job.createdAt) >= this.#start)
        if (model?.stranded && job) model.fence = job.fence
      }
    }
  }

  /** It waits until somebody comes by, so it is not asked for. */
  async #compareOverdue(id: JobId, model: ModelJob): Promise<void> {
    const job = await this.#place.peek(id)
    if (job?.status === 'expired') this.#model.look(model)
    else assert.equal(job?.status, 'queued', id)
  }

  #ms(time: string): number {
    return Date.parse(time) - this.#start
  }

  #store(process: number): JobStore {
    const store = this.#stores[process]
    assert(store)
    return store
  }
}

const shown = (job: Job | undefined) =>
  job && {
    status: job.status,
    fence: job.fence,
    attempt: job.attempt,
    interruptions: job.interruptions,
    crashes: job.crashes,
  }

/** Fences may leave numbers out: a claim that died has used one up. */
function isSame(job: Job | undefined, model: ModelJob | undefined): boolean {
  if (!job || !model) return job === undefined && model === undefined
  const counts = job.attempt === model.attempt && job.interruptions === model.interruptions
  if (job.status !== model.status || !counts) return false
  if (job.status !== 'queued' && job.status !== 'running') return true
  const waits = (job.notBefore !== undefined) === model.readyAt > 0
  const isMarked = job.cancelRequestedAt !== undefined
  return waits && isMarked === model.cancelled && (job.crashes ?? 0) === model.crashes
}

/** A submission that somebody died in, taken up: completed by the next one under its key, or given up by a sweeper. */
function isCompleted(job: Job | undefined, step: Step): boolean {
  if (job?.fence !== 0 || job.idempotencyKey === undefined) return false
  if (step.type === 'submit') return job.status === 'queued' && job.idempotencyKey === step.key
  return step.type === 'sweep' && job.status === 'expired'
}
