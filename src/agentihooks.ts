import { stat, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import type { Surroundings } from './config/load.ts'
import { fetchingFrom } from './foreground.ts'
import { FileLock } from './locks/file-lock.ts'
import type { LocalParts } from './parts.ts'
import { cloned, inFront, removeOldClones } from './profiles/agentihooks/checkout.ts'
import { forgetAgentihooks, installAgentihooks } from './profiles/agentihooks/install.ts'
import { agentihooksPlaces } from './profiles/agentihooks/places.ts'
import { installedProgram, type Program } from './profiles/agentihooks/program.ts'
import { type Run, runnerOf } from './profiles/agentihooks/run.ts'
import { systemClock } from './util/clock.ts'
import { messageOf } from './util/error-code.ts'

/** How agentihooks is in a server. */
export type AgentihooksState =
  | { readonly is: 'absent' }
  | { readonly is: 'being installed' }
  | { readonly is: 'installed'; readonly version: string; readonly profile: string; readonly from: string }
  | { readonly is: 'failed'; readonly why: string }

/** One that is installed here needs seconds; one that is cloned may have to download what it depends on. */
const limitMs = 120_000
const cloneLimitMs = 900_000

/** Lets agentihooks install itself, once, when a server starts; jobs that start later have what it installed. */
export class AgentihooksSetup {
  readonly #local: LocalParts
  #state: AgentihooksState = { is: 'being installed' }

  constructor(local: LocalParts) {
    this.#local = local
  }

  get state(): AgentihooksState {
    return this.#state
  }

  /** Never rejects: what went wrong is said, and jobs run without it. */
  async install(signal: AbortSignal): Promise<void> {
    const { surroundings, warn } = this.#local
    const { agentihooksUrl } = surroundings.settings
    const late = systemClock.deadline(agentihooksUrl === '' ? limitMs : cloneLimitMs, new Error('it took too long'))
    try {
      this.#state = await this.#installed(AbortSignal.any([signal, late.signal]))
    } catch (error) {
      this.#state = { is: 'failed', why: messageOf(error) }
      if (!signal.aborted) warn(`agentihooks could not be installed; jobs run without it: ${messageOf(error)}`)
    } finally {
      late.stop()
    }
    // What an earlier server installed may be gone by now, and hooks that cannot be started would fill every job.
    if (this.#state.is !== 'installed') await forgetAgentihooks(agentihooksPlaces(surroundings).layer)
  }

  async #installed(signal: AbortSignal): Promise<AgentihooksState> {
    const { surroundings, warn } = this.#local
    const { agentihooksProfile: profile, agentihooksHome: home } = surroundings.settings
    const run = runnerOf({ env: { ...environmentOf(surroundings), HOME: home }, signal })
    const found = await this.#program(run, signal)
    if (!found) return { is: 'absent' }
    const root = agentihooksPlaces(surroundings).layer
    const installed = await installAgentihooks(found.program, { home, profile, root, run, warn })
    return { is: 'installed', ...installed, from: found.from }
  }

  async #program(run: Run, signal: AbortSignal): Promise<{ program: Program; from: string } | undefined> {
    const { surroundings } = this.#local
    const { agentihooksPath: checkout, agentihooksUrl: url } = surroundings.settings
    const installed = await installedProgram(surroundings.path)
    if (checkout !== '') {
      const program = await inFront(checkout, agentihooksPlaces(surroundings).environment, { installed, run })
      return { program, from: checkout }
    }
    if (url !== '') return { program: await this.#cloned(url, { installed, run, signal }), from: url }
    return installed && { program: installed, from: installed.file }
  }

  /** The commit that its origin has now; the others on a shared volume wait for who is first there. */
  async #cloned(
    url: string,
    { signal, ...below }: { installed: Program | undefined; run: Run; signal: AbortSignal },
  ): Promise<Program> {
    const { clones } = agentihooksPlaces(this.#local.surroundings)
    const { head, clone } = fetchingFrom(this.#local, url, signal)
    const place = join(clones, (await head()).slice(0, 12))
    const lock = new FileLock(join(clones, '.locks'), systemClock)
    return await lock.withLock('clone', { signal, patienceMs: cloneLimitMs }, async () => {
      const program = await cloned(place, clone, below)
      const now = systemClock.now()
      await utimes(place, now, now)
      await removeOldClones(place, async name => (await stat(name)).mtimeMs)
      return program
    })
  }
}

const registryVariables = /^(PIP|UV)_/

/** What a program of the user's own gets; pip has to know where the user's registry is. */
function environmentOf({ path, network, userEnvironment }: Surroundings): Record<string, string> {
  const registry = Object.entries(userEnvironment).filter(([name]) => registryVariables.test(name))
  return { ...network, ...Object.fromEntries(registry), PATH: path, LANG: 'C.UTF-8' }
}
