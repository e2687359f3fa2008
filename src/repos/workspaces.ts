import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { JobId } from '../jobs/job.ts'
import type { Lease, OpenWorkspace, Workspace, Workspaces } from '../jobs/ports.ts'
import { parseRepository } from '../jobs/repository.ts'
import { removeTree } from '../util/remove-tree.ts'
import { branchFor } from './branch.ts'
import type { CloneCache } from './cache.ts'
import { checkOut, isCheckedOut } from './checkout.ts'
import type { Git } from './git.ts'
import { readRemote } from './remote-refs.ts'
import { GitWorkspace } from './workspace.ts'

export interface GitWorkspacesParts {
  readonly git: Git
  readonly cache: CloneCache
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

  async open({ job }: Lease, { signal, slot }: OpenWorkspace): Promise<Workspace> {
    const { git, cache, root } = this.#parts
    const remote = parseRepository(job.repoUrl)
    const branch = branchFor(job)
    const place = treePlaces(root, job.id)
    const base = (await isCheckedOut(place)) ? job.baseSha : undefined
    const now = await readRemote(git, remote, { baseRef: job.baseRef, branch, signal })
    const follows = job.continues === undefined ? undefined : now.pushed
    const state = { ...now, tip: base ?? follows ?? now.tip }
    const { gitDir, cached } = await cache.ensure(remote, state.tip, signal)
    const checkout = { ...place, cacheGitDir: gitDir, remote, state, branch }
    await slot?.takeBack(place.tree)
    if (base !== undefined) {
      await slot?.give(place.tree)
      return new GitWorkspace(git, checkout, { cached, continued: true })
    }
    for (const directory of [place.tree, place.runnerRoot]) {
      await removeTree(directory)
      await mkdir(directory, { recursive: true, mode: 0o700 })
    }
    const workspace = new GitWorkspace(git, checkout, { cached, continued: false })
    try {
      await checkOut(git, checkout, { signal, slot })
      return workspace
    } catch (error) {
      // What cannot be removed now is removed when the job is opened again; the error to report is the first one.
      await Promise.allSettled([slot?.takeBack(place.tree)])
      await Promise.allSettled([workspace.dispose()])
      throw error
    }
  }
}
