import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Lease, Workspace, Workspaces } from '../jobs/ports.ts'
import { parseRepository } from '../jobs/repository.ts'
import { removeTree } from '../util/remove-tree.ts'
import { branchFor } from './branch.ts'
import type { CloneCache } from './cache.ts'
import { checkOut } from './checkout.ts'
import type { Git } from './git.ts'
import { readRemote } from './remote-refs.ts'
import { GitWorkspace } from './workspace.ts'

export interface GitWorkspacesParts {
  readonly git: Git
  readonly cache: CloneCache
  /** Local disk; each job's tree is the directory of its id in here. */
  readonly root: string
}

export class GitWorkspaces implements Workspaces {
  readonly #parts: GitWorkspacesParts

  constructor(parts: GitWorkspacesParts) {
    this.#parts = parts
  }

  async open({ job }: Lease, signal: AbortSignal): Promise<Workspace> {
    const { git, cache, root } = this.#parts
    const remote = parseRepository(job.repoUrl)
    const branch = branchFor(job)
    const state = await readRemote(git, remote, { baseRef: job.baseRef, branch, signal })
    const { gitDir, cached } = await cache.ensure(remote, state.tip, signal)
    const tree = join(root, job.id)
    const runnerRoot = join(root, '.runner', job.id)
    await removeTree(tree)
    await removeTree(runnerRoot)
    for (const directory of [tree, runnerRoot]) await mkdir(directory, { recursive: true, mode: 0o700 })
    const checkout = { tree, runnerRoot, cacheGitDir: gitDir, remote, state, branch }
    const workspace = new GitWorkspace(git, checkout, cached)
    try {
      await checkOut(git, checkout, signal)
      return workspace
    } catch (error) {
      // What cannot be removed now is removed when the job is opened again; the error to report is the first one.
      await Promise.allSettled([workspace.dispose()])
      throw error
    }
  }
}
