import { lstat, mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { AgenticoreError } from '../jobs/errors.ts'
import type { JobId } from '../jobs/job.ts'
import type { Lease, OpenWorkspace, Workspace, Workspaces } from '../jobs/ports.ts'
import { parseRepository, type RepositoryRules } from '../jobs/repository.ts'
import { hasCode, messageOf } from '../util/error-code.ts'
import { isFile } from '../util/is-file.ts'
import { removeTree } from '../util/remove-tree.ts'
import { branchFor } from './branch.ts'
import { CacheGone, type CloneCache } from './cache.ts'
import { type Checkout, checkOut, isCheckedOut, objectsOf } from './checkout.ts'
import { type Git, isDamage } from './git.ts'
import { DamagedPack } from './packs.ts'
import { readRemote } from './remote-refs.ts'
import { fillSubmodules, submodulesOf } from './submodules.ts'
import { GitWorkspace } from './workspace.ts'

const largestAttributes = 1024 * 1024

export interface GitWorkspacesParts {
  readonly git: Git
  readonly cache: CloneCache
  /** One for a single job, in a directory of its own: for when the cache cannot be used. */
  privateCache(root: string): CloneCache
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
    const { sparse } = options.checkout
    const checkout = { ...place, remote, state: { ...now, tip: base ?? follows ?? now.tip }, branch, sparse }
    await slot?.takeBack(place.tree)
    if (base !== undefined) {
      await slot?.give(place.tree)
      return new GitWorkspace(git, checkout, { cached: true, continued: true, warnings: [] })
    }
    const warnings: string[] = []
    try {
      const cached = await this.#fill(checkout, options, message => warnings.push(message))
      return new GitWorkspace(git, checkout, { cached, continued: false, warnings })
    } catch (error) {
      // What cannot be removed now is removed when the job is opened again; the error to report is the first one.
      await Promise.allSettled([slot?.takeBack(place.tree)])
      await Promise.allSettled([removeTree(place.tree), removeTree(place.runnerRoot)])
      throw error
    }
  }

  /** @returns whether the cache had the commit */
  async #fill(checkout: Checkout, options: OpenWorkspace, tell: (warning: string) => void): Promise<boolean> {
    const { git, cache } = this.#parts
    const { signal, slot } = options
    const attempt = async (): Promise<boolean> => {
      const { cached } = await this.#provide(cache, checkout, { signal, tell })
      await checkOut(git, checkout, { signal, slot, afterwards: () => this.#complete(checkout, options, tell) })
      return cached
    }
    try {
      return await attempt()
    } catch (error) {
      signal.throwIfAborted()
      if (!(error instanceof AgenticoreError && isDamage(error.message))) throw error
      tell(`The clone cache was damaged, and is made anew: ${error.message}`)
      await slot?.takeBack(checkout.tree)
      await cache.discard(checkout.remote)
      return await attempt()
    }
  }

  /** What a checkout alone does not bring: it is brought if the profile says so, else said. */
  async #complete(checkout: Checkout, options: OpenWorkspace, tell: (warning: string) => void): Promise<void> {
    const { tree, remote, state } = checkout
    const look = () => lookAround(tree)
    const { hasSubmodules, hasLfs } = await (options.slot ? options.slot.lend([tree], look) : look())
    if (hasLfs) tell('Files in Git LFS are pointers in the working tree: agenticore does not fetch them.')
    if (!hasSubmodules) return
    const source = { objects: objectsOf(checkout).runners, commit: state.tip }
    const submodules = await submodulesOf(this.#parts.git, source, options.signal)
    if (options.checkout.submodules) {
      const parent = { root: tree, at: [], remote }
      for (const leftOut of await fillSubmodules(this.#parts, parent, submodules, options)) tell(leftOut)
    } else if (submodules.length > 0) {
      const which = submodules.length === 1 ? 'A submodule is' : `${submodules.length} submodules are`
      tell(`${which} not checked out: the profile does not say \`submodules: true\`.`)
    }
  }

  /** The job's own copy of everything its commit needs, with the cache or, where that cannot be written, without. */
  async #provide(
    cache: CloneCache,
    checkout: Checkout,
    { signal, tell }: { signal: AbortSignal; tell(warning: string): void },
  ): Promise<{ cached: boolean }> {
    const { remote, state } = checkout
    const objects = objectsOf(checkout)
    const request = { commit: state.tip, targets: [objects.agents, objects.runners], signal }
    try {
      await emptied(checkout)
      return await cache.provide(remote, request)
    } catch (error) {
      if (!isUnusable(error)) throw error
      tell(`The clone cache cannot be used, so the repository is fetched for this job alone: ${messageOf(error)}`)
    }
    await emptied(checkout)
    const own = join(checkout.runnerRoot, 'cache')
    try {
      await this.#parts.privateCache(own).provide(remote, request)
      return { cached: false }
    } finally {
      await removeTree(own)
    }
  }
}

/** What the top of a tree says of what is not in it. */
async function lookAround(tree: string): Promise<{ hasSubmodules: boolean; hasLfs: boolean }> {
  const attributes = join(tree, '.gitattributes')
  const stats = await lstat(attributes).catch(() => undefined)
  const isReadable = stats?.isFile() === true && stats.size <= largestAttributes
  const text = isReadable ? await readFile(attributes, 'utf8').catch(() => '') : ''
  return { hasSubmodules: await isFile(join(tree, '.gitmodules')), hasLfs: /\bfilter=lfs\b/.test(text) }
}

async function emptied({ tree, runnerRoot }: Pick<Checkout, 'tree' | 'runnerRoot'>): Promise<void> {
  for (const directory of [tree, runnerRoot]) {
    await removeTree(directory)
    await mkdir(directory, { recursive: true, mode: 0o700 })
  }
}

/** The disk of the cache, not the origin, is what stands in the way. */
const isUnusable = (error: unknown): boolean =>
  error instanceof CacheGone ||
  error instanceof DamagedPack ||
  hasCode(error, 'ENOENT', 'ENOSPC', 'EDQUOT', 'EROFS', 'EACCES', 'EPERM', 'EIO', 'ENOTDIR', 'EEXIST', 'ELOOP') ||
  (error instanceof AgenticoreError &&
    (error.code === 'storage_failed' || /Permission denied|Read-only/.test(error.message)))
