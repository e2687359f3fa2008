import { lstat, mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Job, JobId } from '../jobs/job.ts'
import type { Lease, Slot } from '../jobs/ports.ts'
import { parseRepository, type RepositoryRules } from '../jobs/repository.ts'
import type { OpenWorkspace, Workspace, Workspaces } from '../jobs/workspace.ts'
import { allDone } from '../util/all-done.ts'
import { isFile } from '../util/is-file.ts'
import { isRealDirectory } from '../util/real-directory.ts'
import { removeTree } from '../util/remove-tree.ts'
import { branchFor } from './branch.ts'
import { type Checkout, checkOut, isCheckedOut, objectsOf } from './checkout.ts'
import type { Git } from './git.ts'
import { withHealing } from './healing.ts'
import { usesLfs } from './lfs.ts'
import { bringLfs } from './lfs-checkout.ts'
import { type Caches, provideAnyway } from './provide-anyway.ts'
import { readRemote } from './remote-refs.ts'
import { fillSubmodules, submodulesOf } from './submodules.ts'
import { readDone } from './work-done.ts'
import { GitWorkspace } from './workspace.ts'

const largestAttributes = 1024 * 1024

export interface GitWorkspacesParts extends Caches {
  readonly git: Git
  /** What submodules may be. */
  readonly rules: RepositoryRules
  /** Local disk; each job's tree is the directory of its id in here. */
  readonly root: string
}

/** Where a job's tree is, and what the runner keeps about it. */
export const treePlaces = (root: string, id: JobId) => ({ tree: join(root, id), runnerRoot: join(root, '.runner', id) })

export class GitWorkspaces implements Workspaces {
  readonly #parts: GitWorkspacesParts

  constructor(parts: GitWorkspacesParts) {
    this.#parts = parts
  }

  async open({ job }: Lease, options: OpenWorkspace): Promise<Workspace> {
    const { git, root } = this.#parts
    const { signal, slot } = options
    const remote = parseRepository(job.repoUrl)
    const branch = branchFor(job)
    const place = treePlaces(root, job.id)
    const base = (await isCheckedOut(place)) ? job.baseSha : undefined
    const now = await readRemote(git, remote, { baseRef: job.baseRef, branch, signal })
    const follows = job.continues === undefined ? undefined : now.pushed
    const lacksEarlierWork = job.continues !== undefined && follows === undefined
    const { sparse, lfs } = options.checkout
    const tip = base ?? follows ?? now.tip
    const state = { ...now, tip, pushed: expectedOn(job, { there: now.pushed, beganWith: tip }) }
    const checkout = { ...place, remote, state, branch, sparse, lfs }
    await slot?.takeBack(place.tree)
    if (base !== undefined) {
      await slot?.give(place.tree)
      return new GitWorkspace(git, checkout, {
        cached: true,
        continued: true,
        warnings: [],
        lacksEarlierWork,
        done: await readDone(place),
      })
    }
    const warnings: string[] = lacksEarlierWork ? [withoutEarlierWork(branch, now.baseRef)] : []
    try {
      const cached = await this.#fill(checkout, options, message => warnings.push(message))
      return new GitWorkspace(git, checkout, { cached, continued: false, lacksEarlierWork, warnings, done: undefined })
    } catch (error) {
      // What cannot be removed now is removed when the job is opened again; the error to report is the first one.
      await Promise.allSettled([slot?.takeBack(place.tree)])
      await Promise.allSettled([removeTree(place.tree), removeTree(place.runnerRoot)])
      throw error
    }
  }

  async forget({ job }: Lease, slot: Slot | undefined): Promise<void> {
    const { tree, runnerRoot } = treePlaces(this.#parts.root, job.id)
    await slot?.takeBack(tree)
    await allDone([removeTree(tree), removeTree(runnerRoot)])
  }

  /** @returns whether the cache had the commit */
  async #fill(checkout: Checkout, options: OpenWorkspace, tell: (warning: string) => void): Promise<boolean> {
    const { git, cache } = this.#parts
    const { signal, slot } = options
    return await withHealing({ cache, remote: checkout.remote, signal, tell }, async fromOrigin => {
      await slot?.takeBack(checkout.tree)
      const { cached } = await this.#provide(checkout, { fromOrigin, signal, tell })
      if (checkout.lfs) await this.#bringLfs(checkout, signal, tell)
      await checkOut(git, checkout, { signal, slot, afterwards: () => this.#complete(checkout, options, tell) })
      return cached
    })
  }

  async #bringLfs(checkout: Checkout, signal: AbortSignal, tell: (warning: string) => void): Promise<void> {
    const { tree, remote, state } = checkout
    const source = { tree, remote, commit: state.tip, objects: objectsOf(checkout).runners }
    for (const warning of await bringLfs(this.#parts, source, signal)) tell(warning)
  }

  /** What a checkout alone does not bring: it is brought if the profile says so, else said. */
  async #complete(checkout: Checkout, options: OpenWorkspace, tell: (warning: string) => void): Promise<void> {
    const { tree, remote, state } = checkout
    const places = [tree, join(tree, '.git'), join(tree, '.git/index')]
    const look = () => lookAround(checkout)
    const { hasSubmodules, lfs, noDirectories } = await (options.slot ? options.slot.lend(places, look) : look())
    const source = { objects: objectsOf(checkout).runners, commit: state.tip }
    const isIn = lfs === 'maybe' ? await usesLfs(this.#parts.git, source, options.signal) : lfs === 'yes'
    for (const name of noDirectories) tell(`There is no directory ${name}, which the profile's \`sparse\` names.`)
    if (isIn && !checkout.lfs) tell('Files in Git LFS are pointers: the profile does not say `lfs: true`.')
    if (!hasSubmodules) return
    const submodules = await submodulesOf(this.#parts.git, source, options.signal)
    if (options.checkout.submodules) {
      const parent = { root: tree, at: [], remote }
      const { signal, slot } = options
      const filling = { signal, slot, lfs: checkout.lfs }
      for (const leftOut of await fillSubmodules(this.#parts, parent, submodules, filling)) tell(leftOut)
    } else if (submodules.length > 0) {
      const which = submodules.length === 1 ? 'A submodule is' : `${submodules.length} submodules are`
      tell(`${which} not checked out: the profile does not say \`submodules: true\`.`)
    }
  }

  /** The job's own copy of everything its commit needs. */
  async #provide(
    checkout: Checkout,
    { fromOrigin, signal, tell }: { fromOrigin: boolean; signal: AbortSignal; tell(warning: string): void },
  ): Promise<{ cached: boolean }> {
    const { remote, state, runnerRoot } = checkout
    const objects = objectsOf(checkout)
    const request = { commit: state.tip, targets: [objects.agents, objects.runners], fromOrigin, signal }
    const begin = () => emptied(checkout)
    return await provideAnyway(this.#parts, remote, request, { begin, own: join(runnerRoot, 'cache'), tell })
  }
}

/**
 * What a push may replace on the job's branch: what its attempts have pushed, or what a job that goes on with a
 * conversation began with. If somebody else's is there, it is expected to be gone, and the push refused.
 */
function expectedOn(job: Job, { there, beganWith }: { there: string | undefined; beganWith: string }): string {
  const { pushed = [] } = job
  const ours = job.continues === undefined ? pushed : [...pushed, beganWith]
  return there === undefined || ours.includes(there) ? (there ?? '') : (pushed.at(-1) ?? '')
}

const withoutEarlierWork = (branch: string, baseRef: string): string =>
  `The branch ${branch} is not at the origin: the tree starts at ${baseRef || 'the base'}, without what earlier jobs of this conversation changed.`

interface Looks {
  readonly hasSubmodules: boolean
  readonly lfs: 'yes' | 'no' | 'maybe'
  /** What was to be checked out, and is not there. */
  readonly noDirectories: readonly string[]
}

/** What a tree says of what is not in it, as far as that can be told without git. */
async function lookAround({ tree, sparse }: Checkout): Promise<Looks> {
  const attributes = join(tree, '.gitattributes')
  const stats = await lstat(attributes).catch(() => undefined)
  const isReadable = stats?.isFile() === true && stats.size <= largestAttributes
  const text = isReadable ? await readFile(attributes, 'utf8').catch(() => '') : ''
  const others = (await readFile(join(tree, '.git/index'))).includes('/.gitattributes\0')
  const lfs = /\bfilter=lfs\b/.test(text) ? 'yes' : others ? 'maybe' : 'no'
  const noDirectories: string[] = []
  for (const name of sparse) {
    // What is below a directory that only its user may look into, is there.
    if (!(await isRealDirectory(join(tree, name)).catch(() => true))) noDirectories.push(name)
  }
  return { hasSubmodules: await isFile(join(tree, '.gitmodules')), lfs, noDirectories }
}

async function emptied({ tree, runnerRoot }: Pick<Checkout, 'tree' | 'runnerRoot'>): Promise<void> {
  for (const directory of [tree, runnerRoot]) {
    await removeTree(directory)
    await mkdir(directory, { recursive: true, mode: 0o700 })
  }
}
