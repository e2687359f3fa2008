import { join } from 'node:path'
import type { Agent } from '../jobs/agent.ts'
import type { Lease, Slot, Slots } from '../jobs/ports.ts'
import type { Profile, Profiles } from '../jobs/profile.ts'
import type { Workspace, Workspaces } from '../jobs/workspace.ts'
import { messageOf } from '../util/error-code.ts'
import { ownDirectory } from '../util/own-directory.ts'
import { removeTree } from '../util/remove-tree.ts'

export interface PlaceParts {
  readonly workspaces: Workspaces
  readonly slots: Slots
  readonly profiles: Profiles
  readonly agent: Pick<Agent, 'check'>
  /** Holds what an agent needs while it runs; local disk. */
  readonly scratchRoot: string
  /** Holds the merged profile of each job; a job without a repository works there. */
  readonly jobFilesRoot: string
  /** Whether machines share those. */
  readonly areJobFilesShared: boolean
}

/** What an attempt has taken of this machine: a user for its agent, a tree, and directories for both. */
export class Place {
  readonly #parts: PlaceParts
  readonly #lease: Lease
  readonly scratch: string
  readonly configDir: string
  #slot: Slot | undefined
  #workspace: Workspace | undefined

  constructor(parts: PlaceParts, lease: Lease) {
    this.#parts = parts
    this.#lease = lease
    this.scratch = join(parts.scratchRoot, lease.job.id)
    this.configDir = join(parts.jobFilesRoot, lease.job.id)
  }

  get slot(): Slot | undefined {
    return this.#slot
  }

  /** Undefined for a job without a repository, and before it is open. */
  get workspace(): Workspace | undefined {
    return this.#workspace
  }

  /** The directory the agent works in. */
  get cwd(): string {
    return this.#workspace?.path ?? this.configDir
  }

  /** @returns the user's number; undefined when the agent runs as we do */
  async takeSlot(): Promise<number | undefined> {
    this.#slot = await this.#parts.slots.acquire()
    return this.#slot?.uid
  }

  /** The tree, and the merged profile, which are ours until they are handed over. */
  async open(profile: Profile, signal: AbortSignal): Promise<void> {
    const { agent, workspaces, jobFilesRoot, profiles } = this.#parts
    const options = { signal, slot: this.#slot, checkout: profile.checkout }
    const opening = this.#hasRepository ? workspaces.open(this.#lease, options) : undefined
    // Side by side: the check of claude costs as much as the answer of the origin. Both are waited for, so that a tree
    // that was opened is known when the check fails.
    const [checked, opened] = await Promise.allSettled([agent.check(signal, this.#slot), opening])
    if (opened.status === 'fulfilled') this.#workspace = opened.value
    if (checked.status === 'rejected') throw checked.reason
    if (opened.status === 'rejected') throw opened.reason
    await ownDirectory(jobFilesRoot, 0o711)
    for (const directory of [this.scratch, this.configDir]) await this.#slot?.takeBack(directory)
    await ownDirectory(this.configDir, 0o700)
    const directory = this.configDir
    const tree = profile.trustRepo ? this.#workspace?.path : undefined
    if (tree === undefined) return await profiles.materialize(profile, { directory })
    await this.#slot?.takeBack(tree)
    await profiles.materialize(profile, { directory, tree })
    await this.#slot?.give(tree)
  }

  /** Everything but the tree, which is its user's already, becomes the agent's. */
  async handOver(): Promise<void> {
    for (const directory of [this.scratch, this.configDir]) await this.#slot?.give(directory)
  }

  /** Everything is ours while `work` runs, and its user's again afterwards. */
  async whileOurs<T>(work: () => Promise<T>): Promise<T> {
    await this.takeBack()
    try {
      return await work()
    } finally {
      for (const directory of this.#given()) await this.#slot?.give(directory)
    }
  }

  /** What the agent's user had is ours again; nothing of that user runs any more. */
  async takeBack(): Promise<void> {
    for (const directory of this.#given()) await this.#slot?.takeBack(directory)
  }

  /**
   * Every step is taken, whatever the others do; what fails is told. What a job without a repository made stays.
   * @param isOver the job is: else its next attempt, on another machine, may have the merged profile in the same place
   */
  async clean(tell: (message: string) => void, { isOver }: { isOver: boolean }): Promise<void> {
    const steps = [
      async () => await this.takeBack(),
      async () => await this.#disposeOfTree(),
      async () => {
        const isNobodys = isOver || !this.#parts.areJobFilesShared
        if (this.#hasRepository && isNobodys) await removeTree(this.configDir)
      },
      () => removeTree(this.scratch),
    ]
    for (const step of steps) await step().catch((error: unknown) => tell(`Clean-up: ${messageOf(error)}`))
  }

  get #hasRepository(): boolean {
    return this.#lease.job.repoUrl !== ''
  }

  async #disposeOfTree(): Promise<void> {
    if (this.#workspace) await this.#workspace.dispose()
    else if (this.#hasRepository) await this.#parts.workspaces.forget(this.#lease, this.#slot)
  }

  /** A job without a repository works in its configuration's directory. */
  #given(): Set<string> {
    return new Set([this.cwd, this.configDir, this.scratch])
  }

  /** The user is free for another agent. */
  async leave(): Promise<void> {
    await this.#slot?.release()
  }
}
