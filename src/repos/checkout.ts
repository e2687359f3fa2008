import { copyFile, mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { RepositoryAddress } from '../jobs/repository.ts'
import type { Git } from './git.ts'
import type { RemoteState } from './remote-refs.ts'

/** Everything two repositories of one job are made from: the agent's tree, and the runner's own git directory. */
export interface Checkout {
  readonly tree: string
  readonly runnerGitDir: string
  readonly cacheGitDir: string
  readonly remote: RepositoryAddress
  readonly state: RemoteState
  readonly branch: string
}

/**
 * Fills the tree, with a `.git` written by hand: a repository of its own that borrows the cache's objects and shares no
 * configuration, ref or index with anything, so that what happens in it stays in it.
 */
export async function checkOut(git: Git, checkout: Checkout, signal: AbortSignal): Promise<void> {
  const { tree, runnerGitDir, cacheGitDir, state } = checkout
  const gitDir = join(tree, '.git')
  await writeGitDir(gitDir, {
    HEAD: `ref: refs/heads/${checkout.branch}\n`,
    config: treeConfig(checkout.remote),
    'objects/info/alternates': `${join(cacheGitDir, 'objects')}\n`,
    [`refs/heads/${checkout.branch}`]: `${state.tip}\n`,
    ...(state.baseBranch === '' ? {} : { [`refs/remotes/origin/${state.baseBranch}`]: `${state.tip}\n` }),
  })
  await writeGitDir(runnerGitDir, {
    HEAD: 'ref: refs/heads/none\n',
    config: '[core]\n\trepositoryformatversion = 0\n\tbare = false\n[gc]\n\tauto = 0\n',
    'objects/info/alternates': `${join(cacheGitDir, 'objects')}\n${join(gitDir, 'objects')}\n`,
  })
  await git.run({
    args: ['-c', 'checkout.workers=0', 'reset', '--hard', '--quiet', state.tip],
    env: { GIT_DIR: gitDir, GIT_WORK_TREE: tree },
    signal,
  })
  // With the index of the moment after checkout, a later `add` reads only the files that were touched since.
  await copyFile(join(gitDir, 'index'), join(runnerGitDir, 'index'))
}

async function writeGitDir(gitDir: string, files: Readonly<Record<string, string>>): Promise<void> {
  await mkdir(join(gitDir, 'objects/pack'), { recursive: true, mode: 0o700 })
  await mkdir(join(gitDir, 'refs/heads'), { recursive: true })
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(gitDir, name)), { recursive: true })
    await writeFile(join(gitDir, name), content)
  }
}

function treeConfig(remote: RepositoryAddress): string {
  return `[core]
\trepositoryformatversion = 0
\tfilemode = true
\tbare = false
\tlogallrefupdates = true
[gc]
\tauto = 0
[remote "origin"]
\turl = ${quote(remote.url)}
\tfetch = +refs/heads/*:refs/remotes/origin/*
`
}

const quote = (value: string): string => `"${value.replace(/["\\]/g, '\\$&')}"`
