import type { Server as ControlServer } from 'node:http'
import type { Logger } from 'pino'
import { AgentihooksSetup } from './agentihooks.ts'
import { type Chores, startChores, takeBack } from './chores.ts'
import { closeAll } from './closing.ts'
import { loadSurroundings, type Surroundings } from './config/load.ts'
import { closingMs, drainSeconds } from './config/stopping.ts'
import { type Means, openMeans } from './daemon-means.ts'
import { DaemonView } from './daemon-view.ts'
import { shortOfDisk } from './disk.ts'
import { drainFor } from './drain-request.ts'
import { figuresOf } from './figures.ts'
import { foreground } from './foreground.ts'
import { isolationFor } from './isolation.ts'
import { JobLog } from './job-log.ts'
import { AgenticoreError } from './jobs/errors.ts'
import type { Job } from './jobs/job.ts'
import type { Lease } from './jobs/ports.ts'
import { closeServer, listen } from './listening.ts'
import { type Observing, openObserving } from './observing.ts'
import { type LocalParts, openParts, whyNoDefaultProfile } from './parts.ts'
import { clearAtStart } from './recovery.ts'
import { listenControl } from './server/control/control.ts'
import type { Server } from './server/http/parts.ts'
import { buildServer } from './server/http/server.ts'
import { serverPartsFor } from './server-parts.ts'
import type { Stats } from './telemetry/prometheus.ts'
import { systemClock } from './util/clock.ts'
import { messageOf } from './util/error-code.ts'
import type { KernelLock } from './util/kernel-lock.ts'
import type { Secrets } from './util/redact.ts'
import { unlessAborted } from './util/unless-aborted.ts'
import { type DrainOptions, type DrainProgress, drain } from './worker/drain.ts'
import type { JobRunner } from './worker/job-runner.ts'
import { Worker } from './worker/worker.ts'

/** What other processes on the same files do is seen so soon. */
const pollMs = 2000
const lookEveryMs = 2000
const closes = new Error('the server closes')
/** For a drain whose time is over. */
const shortestDrainMs = 1000

export interface DaemonOptions {
  readonly host?: string
  readonly port?: number
  readonly version: string
  /** Aborts when it is not to start after all. */
  readonly stop?: AbortSignal
}

/** A server that runs jobs, from the moment it listens. */
export interface Daemon {
  readonly log: Logger
  /** Jobs that run end, or are handed over; nothing new is started. */
  drain(options?: Partial<DrainOptions>): AsyncIterable<DrainProgress>
  /** Ends everything, in order; what still runs is left to the next daemon. */
  close(): Promise<void>
}

/**
 * @returns undefined when it was told to stop before it had started: then everything is closed again
 * @throws SettingError
 * @throws AgenticoreError `already_serving`, `cannot_listen`, `storage_failed`
 */
export async function startDaemon(options: DaemonOptions): Promise<Daemon | undefined> {
  const surroundings = await loadSurroundings()
  if (surroundings.settings.transport === 'stdio') {
    throw new AgenticoreError('invalid_setting', 'AGENTICORE_TRANSPORT is stdio: this version serves HTTP alone.')
  }
  const daemon = new RunningDaemon(surroundings, await openMeans(surroundings), options)
  try {
    await daemon.start()
    return daemon
  } catch (error) {
    await daemon.close()
    if (options.stop?.aborted) return undefined
    throw error
  }
}

class RunningDaemon implements Daemon {
  readonly log: Logger
  readonly #jobs: JobLog
  readonly #surroundings: Surroundings
  readonly #options: DaemonOptions
  readonly #secrets: Secrets
  readonly #lock: KernelLock
  /** Streams end, and what is done now and then stops. */
  readonly #closing = new AbortController()
  #chores: Chores | undefined
  #local: LocalParts | undefined
  #observing: Observing | undefined
  #server: Server | undefined
  #control: ControlServer | undefined
  #worker: Worker | undefined
  #runner: JobRunner | undefined
  #setUp: Promise<void> | undefined
  readonly #startedAt = new Date()
  /** When the drain that was asked for last has to be over, on the monotonic clock. */
  #drainOverMs: number | undefined
  #isStarted = false

  constructor(surroundings: Surroundings, means: Means, options: DaemonOptions) {
    this.#surroundings = surroundings
    this.log = means.log
    this.#jobs = new JobLog(means.log)
    this.#secrets = means.secrets
    this.#lock = means.lock
    this.#options = options
  }

  /** Listens first, so that whoever looks sees it start; then puts right what a predecessor left; then takes jobs. */
  async start(): Promise<void> {
    const { stop } = this.#options
    stop?.throwIfAborted()
    const leave = (): void => this.#closing.abort(closes)
    stop?.addEventListener('abort', leave, { once: true })
    try {
      await this.#start()
    } finally {
      stop?.removeEventListener('abort', leave)
    }
  }

  async #start(): Promise<void> {
    const { settings, warnings } = this.#surroundings
    for (const warning of warnings) this.#warn(warning)
    const { local, prometheus } = await this.#openParts()
    // Before anybody can ask it to drain.
    this.#worker = this.#workerFor(local)
    const agentihooks = new AgentihooksSetup(local)
    const view = this.#viewOf(local, this.#worker, agentihooks)
    const onlyOwnUser = settings.apiKeys.length === 0 && (await isolationFor(this.#surroundings)).kind === 'user'
    const { serverHost, serverPort } = settings
    const { host = serverHost, port = serverPort, version } = this.#options
    const { signal } = this.#closing
    const serverParts = serverPartsFor(local, { view, prometheus, version, closing: signal })
    this.#server = await buildServer({ ...serverParts, onlyOwnUser }, this.log)
    await listen(this.#server, { host, port, version })
    this.#control = await listenControl(settings.controlSocket, {
      drain: request => drainFor(this, request),
      whyUnhealthy: () => view.whyUnhealthy(),
    })
    await unlessAborted(local.stored.ready(signal), signal)
    const makers = foreground(local)
    await makers.preflight().catch((error: unknown) => this.#warn(`Jobs will fail: ${messageOf(error)}`))
    this.#runner = await makers.runnerFor(() => undefined, { waitsForStorage: true })
    const recovered = (job: Job): void => this.#jobs.takenBack(job)
    await takeBack(local, recovered)
    signal.throwIfAborted()
    const left = await clearAtStart(local)
    signal.throwIfAborted()
    this.#isStarted = true
    this.#setUp = this.#takeJobs(local, agentihooks, this.#worker, signal).catch((error: unknown) => {
      this.#warn(`No job is started: ${messageOf(error)}`)
    })
    const look = (): Promise<void> => view.lookForDangers()
    await look().catch((error: unknown) => this.#warn(messageOf(error)))
    const keep = (): Promise<void> => agentihooks.keep()
    this.#chores = startChores(local, { signal, recovered, left, beat: () => this.#beat(local), look, keep })
    const stop = local.stored.onWake(why => void (why === 'work' ? this.#worker?.wake() : this.#beat(local)))
    signal.addEventListener('abort', stop, { once: true })
    await this.#beat(local)
  }

  /** The others hear that this one lives; it hears whether it is to drain. */
  async #beat({ stored: { fleet } }: LocalParts): Promise<void> {
    if (!fleet || !this.#worker) return
    const { isDraining: draining } = this.#worker
    const capacity = this.#surroundings.settings.maxParallelJobs
    const { version } = this.#options
    try {
      const { drain } = await fleet.beat({ version, capacity, startedAt: this.#startedAt.toISOString(), draining })
      if (drain && !this.#worker.isDraining) this.#drainAsTold()
    } catch (error) {
      this.#warn(`The other servers do not hear of this one: ${messageOf(error)}`)
    }
  }

  /** Somebody who could not reach this process has told it by Redis: nothing is started, and what runs goes on. */
  #drainAsTold(): void {
    this.log.info({ running: this.#worker?.running ?? 0 }, 'told to drain')
    this.#worker?.drain().catch((error: unknown) => this.#warn(messageOf(error)))
  }

  async *drain(options: Partial<DrainOptions> = {}): AsyncGenerator<DrainProgress> {
    const { timeoutMs = this.#drainLeftMs, ...how } = options
    this.#drainOverMs = systemClock.monotonicMs() + timeoutMs
    if (!this.#worker) return yield { state: 'drained', running: 0, leftMs: 0 }
    this.log.info({ running: this.#worker.running }, 'draining')
    this.#worker.stop()
    if (this.#local) void this.#beat(this.#local)
    for await (const progress of drain(this.#worker, systemClock, { timeoutMs, ...how })) {
      const { state, running, leftMs } = progress
      this.log.info({ state, running, left_ms: Math.round(leftMs) }, 'drain')
      yield progress
    }
  }

  /** A termination is told twice, by a PreStop hook and by SIGTERM, and has one grace period for both. */
  get #drainLeftMs(): number {
    if (this.#drainOverMs === undefined) return drainSeconds * 1000
    return Math.max(shortestDrainMs, this.#drainOverMs - systemClock.monotonicMs())
  }

  async close(): Promise<void> {
    this.#closing.abort(closes)
    const steps = {
      server: async () => this.#server && (await closeServer(this.#server)),
      control: async () => void this.#control?.close().closeAllConnections(),
      agentihooks: async () => await this.#setUp,
      chores: async () => await this.#chores?.over,
      webhook: async () => await (await this.#local?.webhook?.())?.flush({ limitMs: closingMs.webhook }),
      store: async () => await this.#local?.store.close(),
      traces: async () => await this.#observing?.close(),
    }
    await closeAll(steps, { clock: systemClock, warn: message => this.#warn(message) })
    this.#lock.release()
  }

  async #openParts() {
    const warn = (message: string): void => this.#warn(message)
    const { version } = this.#options
    const observing = await openObserving(this.#surroundings, { version, warn, stats: () => this.#figures() })
    this.#observing = observing
    const { queueLimit } = this.#surroundings.settings
    const secrets = this.#secrets
    const how = { warn, pollMs, queueLimit, secrets, allowPaths: false, fleet: true, ...observing.parts }
    const local = await openParts(this.#surroundings, how)
    this.#local = local
    return { local, prometheus: observing.prometheus }
  }

  /** A job is not to start with less than the next one. */
  async #takeJobs(
    local: LocalParts,
    agentihooks: AgentihooksSetup,
    worker: Worker,
    signal: AbortSignal,
  ): Promise<void> {
    await agentihooks.install(signal)
    const { state } = agentihooks
    if (state.is === 'installed') this.log.info(state, 'agentihooks is installed')
    const unknown = await whyNoDefaultProfile(local)
    if (unknown !== undefined) this.#warn(unknown)
    if (!signal.aborted) worker.start()
  }

  #viewOf(local: LocalParts, worker: Worker, agentihooks: AgentihooksSetup): DaemonView {
    return new DaemonView({
      local,
      version: this.#options.version,
      startedAt: this.#startedAt,
      capacity: this.#surroundings.settings.maxParallelJobs,
      worker,
      agentihooks,
      isStarted: () => this.#isStarted,
    })
  }

  #workerFor(local: LocalParts): Worker {
    const { podName, maxParallelJobs, minFreeDiskBytes, worktreeRoot, jobsDir } = this.#surroundings.settings
    return new Worker({
      store: local.store,
      clock: local.stored.clock,
      podName,
      capacity: maxParallelJobs,
      lookEveryMs,
      run: (lease, signal) => this.#run(lease, signal),
      obstacle: () => shortOfDisk([worktreeRoot, jobsDir], minFreeDiskBytes),
      claimed: lease => this.#claimed(local, lease),
      over: job => this.#jobs.over(job),
      warn: message => this.#warn(message),
      random: Math.random,
    })
  }

  async #run(lease: Lease, signal: AbortSignal): Promise<Job> {
    if (!this.#runner) throw new Error('A job was claimed before the daemon had started')
    return await this.#runner.run(lease, signal)
  }

  #claimed({ measures, stored }: LocalParts, lease: Lease): void {
    const { job } = lease
    if (job.interruptions === 0) measures.claimed(stored.clock.now().getTime() - Date.parse(job.createdAt))
    this.#jobs.started(lease)
  }

  async #figures(): Promise<Stats> {
    const { maxParallelJobs: capacity } = this.#surroundings.settings
    return figuresOf(await this.#local?.service.stats(), { capacity, worker: this.#worker })
  }

  #warn(message: string): void {
    this.log.warn(message)
  }
}
