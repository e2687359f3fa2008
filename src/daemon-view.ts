import { type AgentihooksSetup, agentihooksInWords } from './agentihooks.ts'
import type { WirePod, WireProfile, WireStatus } from './api/replies.ts'
import { type Isolation, isolationFor } from './isolation.ts'
import type { Job } from './jobs/job.ts'
import type { Pod } from './jobs/ports.ts'
import { patchOf, standsOn } from './local-view.ts'
import type { LocalParts } from './parts.ts'
import type { EffectiveProfile, ListedProfile, ProfileLibrary } from './profiles/library.ts'
import type { Worker } from './worker/worker.ts'

export interface DaemonViewParts {
  readonly local: LocalParts
  readonly version: string
  readonly startedAt: Date
  readonly capacity: number
  readonly worker: Worker
  readonly agentihooks: Pick<AgentihooksSetup, 'state'>
  /** Whether what a predecessor left has been put right. */
  isStarted(): boolean
}

/** How a daemon looks from outside. */
export class DaemonView {
  readonly #parts: DaemonViewParts
  #isolation: Promise<Isolation> | undefined
  #dangers: readonly string[] = []

  constructor(parts: DaemonViewParts) {
    this.#parts = parts
  }

  async whyNotReady(): Promise<string | undefined> {
    const { worker } = this.#parts
    if (worker.isDraining) return 'the server drains'
    return await this.whyUnhealthy()
  }

  /** A server that drains is well. */
  async whyUnhealthy(): Promise<string | undefined> {
    if (!this.#parts.isStarted())
      return this.#parts.local.stored.isUp() ? 'the server is starting' : 'the server is starting, and waits for Redis'
    try {
      await this.#parts.local.service.stats()
      return undefined
    } catch {
      return 'the jobs cannot be read'
    }
  }

  /** Those that are new are said. */
  async lookForDangers(): Promise<void> {
    const { stored, warn } = this.#parts.local
    const dangers = await stored.dangers()
    for (const danger of dangers.filter(each => !this.#dangers.includes(each))) warn(danger)
    this.#dangers = dangers
  }

  warnings(): readonly string[] {
    return this.#dangers
  }

  async status(): Promise<Omit<WireStatus, 'success'>> {
    const { local, version, startedAt, capacity } = this.#parts
    const { settings } = local.surroundings
    const isolation = await this.#whoAgentsRunAs()
    const { ready, delayed, running, oldestReadyAt } = await local.service.stats()
    return {
      ...this.#claiming(),
      version,
      pod_name: settings.podName,
      started_at: startedAt.toISOString(),
      queued: ready + delayed,
      running,
      ...(oldestReadyAt === undefined ? {} : { oldest_queued_at: oldestReadyAt }),
      capacity,
      running_here: this.#parts.worker.running,
      ...standsOn(local, isolation),
      agentihooks: agentihooksInWords(this.#parts.agentihooks.state),
    }
  }

  /** Looking takes a process: once is enough, if it works. */
  async #whoAgentsRunAs(): Promise<Isolation> {
    this.#isolation ??= isolationFor(this.#parts.local.surroundings)
    try {
      return await this.#isolation
    } catch (error) {
      this.#isolation = undefined
      throw error
    }
  }

  async pods(): Promise<WirePod[]> {
    const { fleet } = this.#parts.local.stored
    return fleet ? (await fleet.pods()).map(wirePod) : this.#alone()
  }

  #alone(): WirePod[] {
    const { local, version, startedAt, capacity, worker } = this.#parts
    return [
      {
        name: local.surroundings.settings.podName,
        version,
        boot_id: local.stored.bootId,
        capacity,
        running: worker.running,
        draining: worker.isDraining,
        started_at: startedAt.toISOString(),
        last_heartbeat: new Date().toISOString(),
      },
    ]
  }

  async profiles(): Promise<WireProfile[]> {
    const library = await this.#parts.local.profiles()
    return await Promise.all((await library.list()).map(listed => wireProfile(library, listed)))
  }

  async patchOf(job: Job): Promise<string | undefined> {
    return await patchOf(this.#parts.local, job)
  }

  #claiming(): Pick<WireStatus, 'status' | 'reason'> {
    const { worker, isStarted } = this.#parts
    if (worker.isDraining) return { status: 'draining' }
    if (!this.#parts.local.stored.isUp()) {
      return { status: 'degraded', reason: 'Redis does not answer: jobs are shown as the journal has them' }
    }
    if (!isStarted()) return { status: 'not_claiming', reason: 'the server is starting' }
    if (!worker.isStarted) return { status: 'not_claiming', reason: 'agentihooks is being installed' }
    const { obstacle } = worker
    return obstacle === undefined ? { status: 'ok' } : { status: 'not_claiming', reason: obstacle }
  }
}

const wirePod = ({ name, version, bootId, capacity, running, draining, startedAt, lastHeartbeat }: Pod): WirePod => ({
  name,
  version,
  boot_id: bootId,
  capacity,
  running,
  draining,
  started_at: startedAt,
  last_heartbeat: lastHeartbeat,
})

async function wireProfile(library: ProfileLibrary, listed: ListedProfile): Promise<WireProfile> {
  const { name, source, description, error } = listed
  const about = { name, description, source, worktree: true }
  if (error !== undefined) {
    return { ...about, error, model: null, max_turns: null, auto_pr: false, permission_mode: '' }
  }
  const { claude, autoPr, keys }: EffectiveProfile = await library.resolve(name)
  return {
    ...about,
    model: claude.model ?? null,
    max_turns: claude.maxTurns ?? null,
    auto_pr: autoPr,
    permission_mode: claude.permissionMode,
    ...(keys.extends ? { extends: keys.extends } : {}),
    ...(claude.effort === undefined ? {} : { effort: claude.effort }),
  }
}
