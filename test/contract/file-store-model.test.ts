import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import * as fc from 'fast-check'
import t from 'tap'
import type { Job, JobId } from '../../src/jobs/job.ts'
import type { Lease } from '../../src/jobs/ports.ts'
import { FileJobStore } from '../../src/store/file/store.ts'
import { FileJournal } from '../../src/store/journal/journal.ts'
import { type Point, scenarios } from '../fixtures/store/scenarios.ts'
import { ManualClock } from '../helpers/clock.ts'
import { newJob } from '../helpers/jobs.ts'
import { Model, type Step, steps } from './store-model.ts'

const points: readonly Point[] = [...new Set(Object.values(scenarios).map(scenario => scenario.at))]

/** What unwinds a process that "dies" at a point; nothing of what it was doing goes on. */
class Killed extends Error {}

function kill(message: string): never {
  throw new Killed(message)
}

/** Two processes on one directory, held against the model after every step. */
class World {
  readonly #root: string
  readonly #clock = new ManualClock()
  readonly #start = this.#clock.now().getTime()
  readonly #leases: { readonly process: number; readonly lease: Lease }[] = []
  readonly #armed: (Point | undefined)[] = []
  readonly #stores: FileJobStore[] = []
  #model = new Model()
  readonly ids: JobId[] = []
  kills = 0

  constructor(root: string) {
    this.#root = root
  }

  async open(process: number): Promise<void> {
    this.#armed[process] = undefined
    let killed = false
    const reached = (point: Point): void => {
      if (this.#armed[process] !== point) return
      killed = true
      throw new Killed(point)
    }
    const journal = await FileJournal.open(this.#root, reached)
    // Who is dead does not go on with the next job.
    const warn = (message: string): never => (killed ? kill(message) : assert.fail(message))
    this.#stores[process] = await FileJobStore.open(this.#root, { journal, clock: this.#clock, warn, reached })
  }

  async take(step: Step): Promise<void> {
    const before = this.#model.clone()
    const dying = 'process' in step ? step.process : this.#lease(step)?.process
    try {
      await this.#act(step)
    } catch (error) {
      if (!(error instanceof Killed) || dying === undefined) throw error
      await this.#recover(before, dying)
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
    if (step.type === 'arm') this.#armed[step.process] = points[step.point % points.length]
    else if (step.type === 'advance') {
      this.#clock.advance(step.ms)
      model.now += step.ms
    } else if ('lease' in step) await this.#write(step)
    else if (step.type === 'kill') {
      model.kill(step.process)
      await this.#reopen(step.process)
    } else {
      const store = this.#store(step.process)
      if (step.type === 'submit') {
        this.#clock.advance(1)
        model.now += 1
        const job = newJob(this.#clock.now())
        this.ids.push(job.id)
        model.submit(job.id)
        await store.submit(job)
      } else if (step.type === 'claim') {
        const expected = model.next()
        // Told first: if it dies on the way, the claim may have happened or not.
        const fence = expected === undefined ? 0 : model.job(expected).fence + 1
        if (expected !== undefined) model.claim(expected, step.process, fence)
        const lease = await store.claim({ podName: `pod-${step.process}` })
        assert.equal(lease?.job.id, expected)
        if (!lease || expected === undefined) return
        assert(lease.fence >= fence, 'the fence rises')
        model.job(expected).fence = lease.fence
        this.#leases.push({ process: step.process, lease })
      } else if (step.type === 'reap') {
        model.reap()
        await store.reap(async () => undefined)
      } else if (this.ids.length > 0) {
        const id = this.ids[('job' in step ? step.job : 0) % this.ids.length]
        assert(id)
        if (!model.jobs.has(id)) return
        model.cancel(id)
        await store.cancel(id)
      }
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
  async #recover(before: Model, process: number): Promise<void> {
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
      assert(known, `${id} is neither as before nor as after: ${JSON.stringify([shown(job), candidates])}`)
      if (match && job) after.jobs.set(id, { ...match, fence: job.fence })
      else after.jobs.delete(id)
    }
  }

  async #reopen(process: number): Promise<void> {
    this.#armed[process] = undefined
    await this.#store(process).close()
    await this.open(process)
  }

  async #compare(): Promise<void> {
    for (const id of this.ids) {
      const job = await this.#store(0).get(id)
      const model = this.#model.jobs.get(id)
      assert(isSame(job, model), `${id}: ${JSON.stringify([shown(job), model])}`)
      assert(job === undefined || Date.parse(job.createdAt) >= this.#start)
    }
  }

  #store(process: number): FileJobStore {
    const store = this.#stores[process]
    assert(store)
    return store
  }
}

const shown = (job: Job | undefined) =>
  job && { status: job.status, fence: job.fence, attempt: job.attempt, interruptions: job.interruptions }

/** Fences may leave numbers out: a claim that died has used one up. */
function isSame(job: Job | undefined, model: ReturnType<Model['job']> | undefined): boolean {
  if (!job || !model) return job === undefined && model === undefined
  const counts = job.attempt === model.attempt && job.interruptions === model.interruptions
  if (job.status !== model.status || !counts) return false
  if (job.status !== 'queued' && job.status !== 'running') return true
  const waits = (job.notBefore !== undefined) === model.readyAt > 0
  const isMarked = job.cancelRequestedAt !== undefined
  return waits && isMarked === model.cancelled && (job.crashes ?? 0) === model.crashes
}

t.test('the file store does what the model does, whoever dies wherever', async t => {
  const root = t.testdir()
  let kills = 0
  const property = fc.asyncProperty(steps, async taken => {
    const place = mkdtempSync(join(root, 'run-'))
    const world = new World(place)
    await world.open(0)
    await world.open(1)
    try {
      for (const step of taken) await world.take(step)
    } finally {
      kills += world.kills
      await world.close()
      rmSync(place, { recursive: true })
    }
  })
  const seed = Number(process.env.FC_SEED ?? Date.now() % 2 ** 31)
  t.comment(`seed ${seed}`)
  await fc.assert(property, { numRuns: 150, seed, includeErrorInReport: true })
  t.ok(kills > 5, `${kills} processes died in the middle of a step`)
})
