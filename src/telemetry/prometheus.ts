import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import { catalogue } from '../jobs/errors.ts'
import type { Job } from '../jobs/job.ts'
import type { Measures } from '../jobs/measures.ts'
import type { Clock } from '../util/clock.ts'
import { BoundedLabels } from './bounded-labels.ts'
import { counters, gauges, type Metric, type Timing, timings } from './metrics.ts'

/** How the store and this process stand, as they are asked at each scrape. */
export interface Stats {
  readonly queued: number
  readonly running: number
  /** Queued jobs that may start now. */
  readonly queueDepth: number
  /** Of the job that is next; 0 when there is none. */
  readonly queueHeadAgeSeconds: number
  readonly slots: { readonly capacity: number; readonly running: number }
  readonly draining: boolean
}

export interface PrometheusParts {
  stats(): Promise<Stats>
  readonly clock: Clock
}

/** A scrape waits 10 s by default: a store that does not answer is not to cost it the other figures. */
const statsMs = 5000

/** Everything that is measured, in Prometheus' text format. */
export class Prometheus implements Measures {
  readonly #parts: PrometheusParts
  readonly #registry = new Registry()
  readonly #tokenKinds = new BoundedLabels(20)
  readonly #gitCommands = new BoundedLabels(50)
  readonly #statuses = new BoundedLabels(20)

  readonly #submitted = this.#counter(counters.submitted)
  readonly #ended = this.#counter(counters.ended)
  readonly #tokens = this.#counter(counters.tokens)
  readonly #cost = this.#counter(counters.cost)
  readonly #turns = this.#counter(counters.turns)
  readonly #leaseRenewals = this.#counter(counters.leaseRenewals)
  readonly #modelRetries = this.#counter(counters.modelRetries)

  readonly #wait = this.#timing(timings.wait)
  readonly #run = this.#timing(timings.run)
  readonly #workspace = this.#timing(timings.workspace)
  readonly #lockWait = this.#timing(timings.lockWait)
  readonly #git = this.#timing(timings.git)

  readonly #jobs = this.#gauge(gauges.jobs)
  readonly #queueDepth = this.#gauge(gauges.queueDepth)
  readonly #queueHeadAge = this.#gauge(gauges.queueHeadAge)
  readonly #slotsCapacity = this.#gauge(gauges.slotsCapacity)
  readonly #slotsRunning = this.#gauge(gauges.slotsRunning)
  readonly #draining = this.#gauge(gauges.draining)
  readonly #storeUp = this.#gauge(gauges.storeUp)

  constructor(parts: PrometheusParts) {
    this.#parts = parts
    // Both results from the start: a rate over a series that appears with the first failure would miss it.
    for (const result of ['ok', 'failed']) this.#leaseRenewals.inc({ result }, 0)
    collectDefaultMetrics({ register: this.#registry })
  }

  get contentType(): string {
    return this.#registry.contentType
  }

  async text(): Promise<string> {
    await this.#readStats()
    return await this.#registry.metrics()
  }

  submitted(): void {
    this.#submitted.inc()
  }

  claimed(waitedMs: number): void {
    this.#wait.observe(seconds(waitedMs))
  }

  ended({ status, errorCode, durationMs, usage = {}, totalCostUsd = 0, numTurns = 0 }: Job): void {
    this.#ended.inc({ status, reason: errorCode === undefined ? status : known(errorCode) })
    // One that was cancelled or expired in the queue never ran.
    if (durationMs !== undefined) this.#run.observe({ status }, seconds(durationMs))
    for (const [kind, count] of Object.entries(usage)) {
      this.#tokens.inc({ kind: this.#tokenKinds.of(kind) }, amount(count))
    }
    this.#cost.inc(amount(totalCostUsd))
    this.#turns.inc(amount(numTurns))
  }

  leaseRenewed(ok: boolean): void {
    this.#leaseRenewals.inc({ result: resultOf(ok) })
  }

  lockWaited(ms: number): void {
    this.#lockWait.observe(seconds(ms))
  }

  gitRan(command: string, ms: number, ok: boolean): void {
    this.#git.observe({ command: this.#gitCommands.of(command), result: resultOf(ok) }, seconds(ms))
  }

  workspaceReady(ms: number, cached: boolean): void {
    this.#workspace.observe({ cached: String(cached) }, seconds(ms))
  }

  modelRetried(status: number | undefined): void {
    this.#modelRetries.inc({ status: status === undefined ? 'none' : this.#statuses.of(String(status)) })
  }

  async #readStats(): Promise<void> {
    try {
      this.#set(await this.#askStats())
    } catch {
      this.#unset()
    }
  }

  async #askStats(): Promise<Stats> {
    const deadline = this.#parts.clock.deadline(statsMs, new Error('the store does not answer'))
    try {
      const late = Promise.withResolvers<never>()
      deadline.signal.addEventListener('abort', () => late.reject(deadline.signal.reason), { once: true })
      return await Promise.race([this.#parts.stats(), late.promise])
    } finally {
      deadline.stop()
    }
  }

  #set({ queued, running, queueDepth, queueHeadAgeSeconds, slots, draining }: Stats): void {
    this.#storeUp.set(1)
    this.#jobs.set({ state: 'queued' }, queued)
    this.#jobs.set({ state: 'running' }, running)
    this.#queueDepth.set(queueDepth)
    this.#queueHeadAge.set(queueHeadAgeSeconds)
    this.#slotsCapacity.set(slots.capacity)
    this.#slotsRunning.set(slots.running)
    this.#draining.set(draining ? 1 : 0)
  }

  /** What was true a while ago is not to look as if it were true now. */
  #unset(): void {
    this.#storeUp.set(0)
    for (const state of ['queued', 'running']) this.#jobs.remove({ state })
    for (const gauge of [this.#queueDepth, this.#queueHeadAge]) gauge.remove()
    for (const gauge of [this.#slotsCapacity, this.#slotsRunning, this.#draining]) gauge.remove()
  }

  #counter({ name, help, labels }: Metric): Counter {
    return new Counter({ name, help, labelNames: labels, registers: [this.#registry] })
  }

  #timing({ name, help, labels, buckets }: Timing): Histogram {
    return new Histogram({ name, help, labelNames: labels, buckets: [...buckets], registers: [this.#registry] })
  }

  #gauge({ name, help, labels }: Metric): Gauge {
    return new Gauge({ name, help, labelNames: labels, registers: [this.#registry] })
  }
}

/** A later version's codes come with its records. */
const known = (code: string): string => (Object.hasOwn(catalogue, code) ? code : 'other')

const resultOf = (ok: boolean): string => (ok ? 'ok' : 'failed')

/** Clocks of two machines can differ: nothing took less than no time. */
const seconds = (ms: number): number => amount(ms) / 1000

/** A counter that is given anything else throws, and no job is to fail for that. */
const amount = (value: number): number => (Number.isFinite(value) && value > 0 ? value : 0)
