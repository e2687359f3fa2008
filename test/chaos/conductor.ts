import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { isFinal } from '../../src/jobs/job.ts'
import { isJobId } from '../../src/jobs/record.ts'
import { systemClock } from '../../src/util/clock.ts'
import { compileCache } from '../helpers/compile-cache.ts'
import { type Checked, check } from './check.ts'
import { openStore, places } from './places.ts'
import { mulberry32 } from './random.ts'

export interface Plan {
  readonly directory: string
  readonly jobs: number
  readonly processes: number
  readonly seed: number
}

export interface Report extends Checked {
  readonly kills: number
  readonly cancelled: number
  readonly seconds: number
}

const limitMs = 300_000
const submitters = 2

/** Claimers work on one directory while one after the other is killed at random; then everything is checked. */
export async function conduct(plan: Plan): Promise<Report> {
  const chaos = new Chaos(plan)
  const started = performance.now()
  const { kills, cancelled, accepted } = await chaos.run()
  const checked = await check(plan.directory, { accepted, cancelled })
  return { ...checked, kills, cancelled: cancelled.size, seconds: (performance.now() - started) / 1000 }
}

class Chaos {
  readonly #plan: Plan
  readonly #random: () => number
  readonly #claimers: ChildProcess[] = []
  readonly #accepted = new Set<string>()
  readonly #cancelled = new Set<string>()
  #submitting = submitters
  #kills = 0

  constructor(plan: Plan) {
    this.#plan = plan
    this.#random = mulberry32(plan.seed)
  }

  async run() {
    const { directory, processes, jobs } = this.#plan
    mkdirSync(directory, { recursive: true })
    for (let n = 0; n < processes; n++) this.#claimers.push(this.#start('claimer.ts'))
    const submitting = Array.from({ length: submitters }, (_, n) => this.#submit(`submitter-${n}`, jobs / submitters))
    try {
      await this.#untilDone()
    } finally {
      writeFileSync(places(directory).stop, '')
      await Promise.all([...submitting, ...this.#claimers.map(exited)])
    }
    return { kills: this.#kills, cancelled: this.#cancelled, accepted: this.#accepted }
  }

  async #untilDone(): Promise<void> {
    const end = performance.now() + limitMs
    const store = await openStore(places(this.#plan.directory).jobs)
    while (performance.now() < end) {
      await systemClock.sleep(10 + this.#random() * 90)
      if (this.#random() < 0.05) await this.#cancelOne(store)
      await this.#killOne()
      // Looking at all of them takes time, in which nobody would be killed.
      if (this.#submitting > 0 || this.#kills % 10 > 0) continue
      const open = (await store.list({ limit: Number.POSITIVE_INFINITY })).filter(job => !isFinal(job))
      if (open.length === 0) return await store.close()
    }
    throw new Error(`Seed ${this.#plan.seed}: not done after ${limitMs / 1000} s`)
  }

  async #killOne(): Promise<void> {
    const index = Math.floor(this.#random() * this.#claimers.length)
    const claimer = this.#claimers[index]
    if (!claimer) return
    claimer.kill('SIGKILL')
    this.#kills += 1
    await exited(claimer)
    this.#claimers[index] = this.#start('claimer.ts')
  }

  async #cancelOne(store: Awaited<ReturnType<typeof openStore>>): Promise<void> {
    const ids = [...this.#accepted]
    const id = ids[Math.floor(this.#random() * ids.length)]
    if (id === undefined || !isJobId(id)) return
    const reply = await store.cancel(id)
    if (reply.status === 'cancelled' || !isFinal(reply)) this.#cancelled.add(id)
  }

  async #submit(name: string, count: number): Promise<void> {
    const child = this.#start('submitter.ts', name, String(count))
    if (child.stdout) for await (const id of createInterface({ input: child.stdout })) this.#accepted.add(id)
    await exited(child)
    this.#submitting -= 1
  }

  #start(script: string, ...args: string[]): ChildProcess {
    const file = join(import.meta.dirname, script)
    const env = { ...compileCache, PATH: process.env.PATH ?? '' }
    return spawn(process.execPath, [file, this.#plan.directory, ...args], { env, stdio: ['ignore', 'pipe', 'inherit'] })
  }
}

async function exited(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
}
