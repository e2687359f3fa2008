import { lstat, mkdir, mkdtemp, utimes, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Slot } from '../jobs/ports.ts'
import type { RepositoryAddress } from '../jobs/repository.ts'
import { copyContents } from '../util/copy.ts'
import { isFile } from '../util/is-file.ts'
import { isRealDirectory } from '../util/real-directory.ts'
import { takeObjects } from './agent-objects.ts'
import type { Git } from './git.ts'
import { lfsFilterConfig, remoteConfig, sparseConfig } from './git-config.ts'
import { takeLfs } from './lfs.ts'
import type { RemoteState } from './remote-refs.ts'
import { sparsePatterns } from './sparse.ts'

/** Everything the two repositories of a job are made from: the agent's tree, and the runner's own git directory. */
export interface Checkout {
  readonly tree: string
  /** Holds what the runner keeps about the tree. */
  readonly runnerRoot: string
  readonly remote: RepositoryAddress
  readonly state: RemoteState
  readonly branch: string
  /** Directories to check out; empty: all. */
  readonly sparse: readonly string[]
  /** Whether git-lfs takes part. */
  readonly lfs: boolean
}

/**
 * Fills the job's tree, and takes note of how it was the moment after.
 * @param options.afterwards completes it; when that has failed, the tree is none to go on with
 */
export async function checkOut(
  git: Git,
  checkout: Checkout,
  options: FillOptions & { afterwards(): Promise<void> },
): Promise<void> {
  const { tree, runnerRoot, remote, state, branch, sparse, lfs } = checkout
  const refs = {
    [`refs/heads/${branch}`]: state.tip,
    ...(state.baseBranch === '' ? {} : { [`refs/remotes/origin/${state.baseBranch}`]: state.tip }),
  }
  const head = `ref: refs/heads/${branch}`
  await fillTree(git, { tree, remote, commit: state.tip, head, refs, sparse, lfs }, options)
  await options.afterwards()
  // With the index of the moment after checkout, a later `add` reads only the files that were touched since.
  const gitDir = join(tree, '.git')
  const index = join(gitDir, 'index')
  const keep = (): Promise<void> => copyIndex(index, join(runnerRoot, 'index'))
  await (options.slot ? options.slot.lend([tree, gitDir, index], keep) : keep())
}

export interface Filling {
  readonly tree: string
  readonly remote: RepositoryAddress
  readonly commit: string
  /** What HEAD says; the commit itself when absent. */
  readonly head?: string
  readonly refs?: Readonly<Record<string, string>>
  /** Directories; empty or absent: all. */
  readonly sparse?: readonly string[]
  readonly lfs: boolean
}

export interface FillOptions {
  readonly signal: AbortSignal
  /** Whose tree it becomes, and who fills it. */
  readonly slot?: Slot | undefined
}

/**
 * Checks out a commit, with a `.git` written by hand around the objects that are there: a repository of its own, which
 * shares no configuration, ref or index with anything, so that what happens in it stays in it.
 */
async function fillTree(git: Git, filling: Filling, options: FillOptions): Promise<void> {
  await writeTreeGitDir(filling)
  await options.slot?.give(filling.tree)
  await resetTree(git, filling, options)
}

export async function writeTreeGitDir(filling: Filling): Promise<void> {
  const { tree, remote, commit, head = commit, refs = {}, sparse = [], lfs } = filling
  await writeGitDir(join(tree, '.git'), {
    HEAD: `${head}\n`,
    config: treeConfig + remoteConfig(remote) + sparseConfig(sparse) + (lfs ? lfsFilterConfig : ''),
    ...sparseFile(sparse),
    ...Object.fromEntries(Object.entries(refs).map(([name, sha]) => [name, `${sha}\n`])),
  })
}

/** By the one who is to have it. */
export async function resetTree(
  git: Git,
  { tree, commit }: Pick<Filling, 'tree' | 'commit'>,
  { signal, slot }: FillOptions,
): Promise<void> {
  await git.run({
    args: ['-c', 'checkout.workers=0', 'reset', '--hard', '--quiet', commit],
    env: { GIT_DIR: join(tree, '.git'), GIT_WORK_TREE: tree },
    signal,
    ...(slot ? { user: slot } : {}),
  })
}

const sparseFile = (sparse: readonly string[]): Record<string, string> =>
  sparse.length === 0 ? {} : { 'info/sparse-checkout': sparsePatterns(sparse) }

/** Where a job's objects go: its agent's, and the runner's, which no agent has had its hands on. */
export const objectsOf = ({ tree, runnerRoot }: Pick<Checkout, 'tree' | 'runnerRoot'>) => ({
  agents: join(tree, '.git/objects'),
  runners: join(runnerRoot, 'objects'),
})

/** True when a tree was filled here to the end: the copy of its index is the last thing that is made. */
export const isCheckedOut = async ({ tree, runnerRoot }: Pick<Checkout, 'tree' | 'runnerRoot'>): Promise<boolean> =>
  (await isRealDirectory(tree)) && (await isFile(join(runnerRoot, 'index')))

/**
 * A git directory of the runner's own for a tree that an agent has had its hands on: made anew, so that whatever the
 * agent found of an earlier one is not used, with the objects of both.
 * @returns its path
 */
export async function makeRunnerGitDir({ tree, runnerRoot, sparse, lfs }: Checkout): Promise<string> {
  const gitDir = await mkdtemp(join(runnerRoot, 'git-'))
  await takeObjects(tree, join(gitDir, 'objects'))
  if (lfs) await takeLfs(tree, join(gitDir, 'lfs'))
  await writeGitDir(gitDir, {
    HEAD: 'ref: refs/heads/none\n',
    config: runnerConfig + sparseConfig(sparse) + (lfs ? lfsFilterConfig : ''),
    ...sparseFile(sparse),
    'objects/info/alternates': `${objectsOf({ tree, runnerRoot }).runners}\n`,
  })
  const index = join(runnerRoot, 'index')
  if ((await lstat(index)).isFile()) await copyIndex(index, join(gitDir, 'index'))
  return gitDir
}

/**
 * Copies an index as old as it is. git takes a file that is not older than the index for changed until it has read it;
 * with a younger copy, an edit of the same size in the clock tick of the checkout would go unseen.
 */
async function copyIndex(from: string, to: string): Promise<void> {
  const { mtimeMs } = await lstat(from)
  await copyContents(from, to)
  // Rounded down: a little too old costs a few reads, a little too young costs an edit.
  const seconds = (Math.floor(mtimeMs) - 1) / 1000
  await utimes(to, seconds, seconds)
}

async function writeGitDir(gitDir: string, files: Readonly<Record<string, string>>): Promise<void> {
  for (const name of ['objects/pack', 'objects/info']) await mkdir(join(gitDir, name), { recursive: true, mode: 0o700 })
  await mkdir(join(gitDir, 'refs/heads'), { recursive: true })
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(gitDir, name)), { recursive: true })
    await writeFile(join(gitDir, name), content)
  }
}

const runnerConfig = '[core]\n\trepositoryformatversion = 0\n\tbare = false\n[gc]\n\tauto = 0\n'

const treeConfig = `[core]
\trepositoryformatversion = 0
\tfilemode = true
\tbare = false
\tlogallrefupdates = true
[gc]
\tauto = 0
`
