import { existsSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { execa } from 'execa'
import type { CloneCache } from '../../src/repos/cache.ts'
import type { Git } from '../../src/repos/git.ts'
import { GitWorkspaces } from '../../src/repos/workspaces.ts'
import { gitEnv } from '../../test/fixtures/github/git.ts'
import { newJob } from '../../test/helpers/jobs.ts'
import { plainProfile } from '../../test/helpers/profiles.ts'
import { cacheIn, leaseOf, runnerGit, tierIn } from '../../test/helpers/repos.ts'

/** Ways from a repository's address to a working tree that an agent can start in. */

export interface Way {
  readonly name: string
  /** @returns the tree, somewhere in `scratch`. @param path the PATH that git is found by */
  open(scratch: string, path: string): Promise<string>
  /** When the tree is gone. */
  afterwards?(): Promise<void>
  /** Forgets what this machine has of the repository. */
  forget?(): Promise<void>
  /** Forgets what the shared directory has, too. */
  forgetAll?(): Promise<void>
}

export interface WayParts {
  readonly url: string
  /** For what lies on this machine's disk. */
  readonly local: string
  readonly token: string
  readonly signal: AbortSignal
}

const remove = (path: string): Promise<void> => rm(path, { recursive: true, force: true })

async function runGit(args: readonly string[], path: string, signal: AbortSignal): Promise<void> {
  const env = { ...gitEnv, PATH: path, HOME: '/nonexistent' }
  await execa('git', args, { env, extendEnv: false, stdio: 'ignore', cancelSignal: signal })
}

export const plainClone = ({ url, signal }: WayParts, ...options: string[]): Way => ({
  name: ['git clone', ...options].join(' '),
  async open(scratch, path) {
    const tree = join(scratch, 'tree')
    await runGit(['clone', '--quiet', ...options, url, tree], path, signal)
    return tree
  },
})

/** A bare clone for all jobs, and a worktree of it for each, as the original has it. */
export function worktreeAdd({ url, signal }: WayParts, shared: string, name: string): Way {
  const bare = join(shared, 'bare.git')
  let branches = 0
  const forget = (): Promise<void> => remove(bare)
  return {
    name,
    async open(scratch, path) {
      const tree = join(scratch, 'tree')
      const git = (...args: string[]): Promise<void> => runGit(args, path, signal)
      // As a clone has it that is not bare: what was fetched is beside the branches of the jobs.
      const config = ['--config', 'remote.origin.fetch=+refs/heads/*:refs/remotes/origin/*']
      if (!existsSync(bare)) await git('clone', '--quiet', '--bare', ...config, url, bare)
      else await git('-C', bare, 'fetch', '--quiet', 'origin')
      await git('-C', bare, 'worktree', 'add', '--quiet', '-b', `job-${branches++}`, tree, 'origin/main')
      return tree
    },
    async afterwards() {
      await runGit(['-C', bare, 'worktree', 'prune'], gitEnv.PATH, signal)
    },
    forget,
    forgetAll: forget,
  }
}

/** The product's own. @param shared the directory of the shared tier, if there is one */
export function ours({ url, local, token, signal }: WayParts, shared: string | undefined, name: string): Way {
  const root = join(local, 'cache')
  const cacheWith = (git: Git, at: string): CloneCache => {
    const tier = shared === undefined ? undefined : tierIn(shared)
    return cacheIn(at, git, { shared: tier, warn: failOn })
  }
  const forget = (): Promise<void> => remove(root)
  return {
    name,
    async open(scratch, path) {
      const git = runnerGit({ path, token })
      const workspaces = new GitWorkspaces({
        git,
        cache: cacheWith(git, root),
        privateCache: at => cacheIn(at, git),
        rules: { allowedHosts: [], allowPaths: true },
        root: scratch,
      })
      const job = newJob(new Date(), { repoUrl: url })
      await workspaces.open(leaseOf(job), { signal, checkout: plainProfile.checkout })
      return join(scratch, job.id)
    },
    forget,
    async forgetAll() {
      await forget()
      if (shared !== undefined) await remove(shared)
    },
  }
}

/** Whatever the cache warns of makes the figures those of something else. */
function failOn(warning: string): never {
  throw new Error(warning)
}
