import { mkdir, mkdtemp, utimes } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Surroundings } from './config/load.ts'
import { fetchingFrom } from './foreground.ts'
import { isolationFor } from './isolation.ts'
import type { Slot } from './jobs/ports.ts'
import { FileLock } from './locks/file-lock.ts'
import { jobPlaces, type LocalParts } from './parts.ts'
import { inFront } from './profiles/agentihooks/checkout.ts'
import { cloned, removeUnused } from './profiles/agentihooks/clones.ts'
import { forOthers } from './profiles/agentihooks/hooks.ts'
import { type Installed, installAgentihooks } from './profiles/agentihooks/install.ts'
import { forgetLayer } from './profiles/agentihooks/layer.ts'
import { writeOutcome } from './profiles/agentihooks/outcome.ts'
import { type AgentihooksPlaces, agentihooksPlaces } from './profiles/agentihooks/places.ts'
import { installedProgram, type Program } from './profiles/agentihooks/program.ts'
import { type Run, runnerOf } from './profiles/agentihooks/run.ts'
import { systemClock } from './util/clock.ts'
import { messageOf } from './util/error-code.ts'
import { type KernelLock, tryKernelLock } from './util/kernel-lock.ts'
import { openDirectories } from './util/open-to-all.ts'
import { removeTree } from './util/remove-tree.ts'

/** How agentihooks is in a server. */
export type AgentihooksState =
  | { readonly is: 'absent' }
  | { readonly is: 'being installed' }
  | { readonly is: 'installed'; readonly version: string; readonly profile: string; readonly from: string }
  | { readonly is: 'failed'; readonly why: string }

export function agentihooksInWords(state: AgentihooksState): string {
  if (state.is === 'installed') return `${state.version}, profile ${state.profile}, from ${state.from}`
  return state.is === 'failed' ? `failed: ${state.why}` : state.is
}

/** One that is installed here needs seconds; one that is cloned may have to download what it depends on. */
const limitMs = 120_000
const cloneLimitMs = 900_000
const lookAgainMs = 200
/** A clone in use is touched far more often. */
const unusedMs = 7 * 86_400_000

/** Lets agentihooks install itself, once, when a server starts; jobs that start later have what it installed. */
export class AgentihooksSetup {
  readonly #local: LocalParts
  readonly #places: AgentihooksPlaces
  #state: AgentihooksState = { is: 'being installed' }
  /** What jobs run on. */
  #clone: string | undefined

  constructor(local: LocalParts) {
    this.#local = local
    this.#places = agentihooksPlaces(local.surroundings)
  }

  get state(): AgentihooksState {
    return this.#state
  }

  /** Never rejects: what went wrong is said, and jobs run without it. */
  async install(signal: AbortSignal): Promise<void> {
    const state = await this.#tried(signal)
    if (signal.aborted) return
    if (state.is === 'failed') this.#warn('agentihooks could not be installed; jobs run without it', state.why)
    await this.#attempt('How agentihooks fared is not written down', () => this.#writeOutcome(state))
    this.#state = state
  }

  /** What jobs run on is not to be taken for one that nobody uses. */
  async keep(): Promise<void> {
    const now = systemClock.now()
    if (this.#clone !== undefined) await utimes(this.#clone, now, now)
  }

  async #tried(signal: AbortSignal): Promise<AgentihooksState> {
    const { agentihooksUrl } = this.#local.surroundings.settings
    const late = systemClock.deadline(agentihooksUrl === '' ? limitMs : cloneLimitMs, new Error('it took too long'))
    const soon = AbortSignal.any([signal, late.signal])
    let lock: KernelLock | undefined
    try {
      lock = await this.#lock(soon)
      return await this.#installedOrForgotten(soon)
    } catch (error) {
      return { is: 'failed', why: messageOf(error) }
    } finally {
      lock?.release()
      late.stop()
    }
  }

  /** Servers of one home have one place for what jobs take from it. One that is killed keeps no other one waiting. */
  async #lock(signal: AbortSignal): Promise<KernelLock> {
    await mkdir(dirname(this.#places.lock), { recursive: true, mode: 0o700 })
    for (;;) {
      const lock = await tryKernelLock(this.#places.lock)
      if (lock) return lock
      await systemClock.sleep(lookAgainMs, signal)
    }
  }

  async #installedOrForgotten(signal: AbortSignal): Promise<AgentihooksState> {
    let state: AgentihooksState
    try {
      state = await this.#installed(signal)
    } catch (error) {
      state = { is: 'failed', why: messageOf(error) }
    }
    if (state.is === 'installed') return state
    // What an earlier server installed may be gone by now, and hooks that cannot be started would block every task.
    await this.#attempt('What agentihooks has left could not be removed', () => forgetLayer(this.#places.layer))
    return state
  }

  async #installed(signal: AbortSignal): Promise<AgentihooksState> {
    const { surroundings } = this.#local
    const env = { ...environmentOf(surroundings), HOME: surroundings.settings.agentihooksHome }
    const run = runnerOf({ env, signal })
    const found = await this.#program(run, signal)
    if (!found) return { is: 'absent' }
    return { is: 'installed', ...(await this.#installFrom(found.program, run, signal)), from: found.from }
  }

  /** What it brings is tried as who agents run as: they may not get to where it is. */
  async #installFrom(program: Program, run: Run, signal: AbortSignal): Promise<Installed> {
    const { surroundings, warn } = this.#local
    const { agentihooksProfile: profile, agentihooksHome: home } = surroundings.settings
    return await asAgent(surroundings, async (user, theirHome) => {
      const env = { PATH: surroundings.path, LANG: 'C.UTF-8', HOME: theirHome }
      const asThem = runnerOf({ env, signal, user })
      const runAsAgent = user ? forOthers(asThem, program) : asThem
      return await installAgentihooks(program, { home, profile, layer: this.#places.layer, run, runAsAgent, warn })
    })
  }

  async #program(run: Run, signal: AbortSignal): Promise<{ program: Program; from: string } | undefined> {
    const { surroundings } = this.#local
    const { agentihooksPath: checkout, agentihooksUrl: url } = surroundings.settings
    const installed = await installedProgram(surroundings.path)
    if (checkout === '' && url === '') return installed && { program: installed, from: installed.file }
    await openDirectories(this.#places.open)
    if (checkout === '') return { program: await this.#cloned(url, { installed, run, signal }), from: url }
    return { program: await inFront(checkout, this.#places.environment, { installed, run }), from: checkout }
  }

  /** The commit that its origin has now; the others on a shared volume wait for who is first there. */
  async #cloned(
    url: string,
    { signal, ...below }: { installed: Program | undefined; run: Run; signal: AbortSignal },
  ): Promise<Program> {
    const { clones: root } = this.#places
    const { head, fetch } = fetchingFrom(this.#local, url, signal)
    const commit = await head()
    const lock = new FileLock(join(root, '.locks'), systemClock)
    return await lock.withLock('clone', { signal, patienceMs: cloneLimitMs }, async () => {
      const { place, program } = await cloned(commit, { root, fetch, ...below })
      this.#clone = place
      await this.keep()
      const before = new Date(systemClock.now().getTime() - unusedMs)
      await this.#attempt('Old clones of agentihooks could not be removed', () => removeUnused(root, before))
      return program
    })
  }

  async #writeOutcome(state: AgentihooksState): Promise<void> {
    const { agentihooksPath, agentihooksUrl } = this.#local.surroundings.settings
    await writeOutcome(this.#places.outcome, {
      at: systemClock.now().toISOString(),
      wanted: agentihooksPath || agentihooksUrl,
      ok: state.is !== 'failed',
      says: agentihooksInWords(state),
    })
  }

  async #attempt(failed: string, work: () => Promise<void>): Promise<void> {
    try {
      await work()
    } catch (error) {
      this.#warn(failed, messageOf(error))
    }
  }

  #warn(what: string, why: string): void {
    this.#local.warn(`${what}: ${why}`)
  }
}

/** With one of those that agents run as, if not as we, and a home that is gone afterwards. */
async function asAgent<T>(
  surroundings: Surroundings,
  work: (user: Slot | undefined, home: string) => Promise<T>,
): Promise<T> {
  const { slots } = await isolationFor(surroundings)
  const { scratchRoot } = jobPlaces(surroundings.settings)
  await mkdir(scratchRoot, { recursive: true, mode: 0o711 })
  const home = await mkdtemp(join(scratchRoot, 'agentihooks-'))
  const slot = await slots.acquire()
  try {
    await slot?.give(home)
    return await work(slot, home)
  } finally {
    await slot?.endAll()
    await slot?.takeBack(home)
    await slot?.release()
    await removeTree(home)
  }
}

const registryVariables = /^(PIP|UV)_/

/** What a program of the user's own gets; pip has to know where the user's registry is. */
function environmentOf({ path, network, userEnvironment }: Surroundings): Record<string, string> {
  const registry = Object.entries(userEnvironment).filter(([name]) => registryVariables.test(name))
  return { ...network, ...Object.fromEntries(registry), PATH: path, LANG: 'C.UTF-8' }
}
