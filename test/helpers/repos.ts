import { createHash } from 'node:crypto'
import { constants } from 'node:fs'
import { chmod, lstat, open, readdir, readFile, readlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Test } from 'tap'
import { gitHubToken } from '../../src/github/hosts.ts'
import type { FindCredential } from '../../src/jobs/credentials.ts'
import type { Job, JobRequest } from '../../src/jobs/job.ts'
import { type Measures, noMeasures } from '../../src/jobs/measures.ts'
import type { Lease } from '../../src/jobs/ports.ts'
import type { CheckoutWishes } from '../../src/jobs/profile.ts'
import type { Workspace } from '../../src/jobs/workspace.ts'
import { FileLock } from '../../src/locks/file-lock.ts'
import { CloneCache, type CloneCacheParts } from '../../src/repos/cache.ts'
import { firstOf } from '../../src/repos/credential-chain.ts'
import { Git } from '../../src/repos/git.ts'
import { SharedTier, type SharedTierParts } from '../../src/repos/shared-tier.ts'
import { GitWorkspaces } from '../../src/repos/workspaces.ts'
import { systemClock } from '../../src/util/clock.ts'
import { git, gitEnv } from '../fixtures/github/git.ts'
import { type CreatedRepo, type GitHub, startGitHub } from '../fixtures/github/server.ts'
import { newJob } from './jobs.ts'
import { plainProfile } from './profiles.ts'

export const token = 'ghp_allOfIt1234567890'
export const readOnlyToken = 'ghp_lookOnly0987654321'
export const never = new AbortController().signal
export const message = { subject: 'Fix the login bug', trailer: 'Agenticore-Job: 1/1', at: new Date(1_767_225_600_000) }

export interface GitOptions {
  readonly token?: string
  readonly path?: string
  /** Asked where the token does not serve. */
  readonly source?: FindCredential
  readonly measures?: Measures
}

/** A GitHub, a clone cache and a place for trees, in one directory of the test's. */
export interface World {
  readonly github: GitHub
  readonly dir: string
  readonly cacheRoot: string
  readonly treesRoot: string
  readonly git: Git
  /** The runner's git with another token or PATH. */
  gitWith(options: GitOptions): Git
  workspacesWith(git: Git): GitWorkspaces
  repo(files?: Readonly<Record<string, string>>, name?: string): Promise<CreatedRepo>
  /** A job's tree, and the job; disposed of with the test. */
  open(repoUrl: string, options?: OpenOptions): Promise<{ workspace: Workspace; job: Job }>
}

export interface OpenOptions extends Partial<JobRequest> {
  readonly git?: Git
  /** The job of an earlier attempt. */
  readonly job?: Job
  readonly checkout?: Partial<CheckoutWishes>
}

const someFiles = { 'a.txt': 'a\n', 'deep/b.txt': 'b\n', 'run.sh': '#!/bin/sh\n', '.gitignore': '*.log\nout/\n' }

export async function openWorld(t: Test): Promise<World> {
  const dir = t.testdir()
  const github = await startGitHub({ root: join(dir, 'github'), token, readOnlyToken })
  t.teardown(github.close)
  const [cacheRoot, treesRoot] = [join(dir, 'cache'), join(dir, 'trees')]
  const gitWith = (options: GitOptions) => runnerGit(options, github.url)
  const own = gitWith({ token })
  const workspacesWith = (with_: Git) =>
    new GitWorkspaces({
      git: with_,
      cache: cacheIn(cacheRoot, with_),
      privateCache: root => cacheIn(root, with_),
      rules: { allowedHosts: [], allowPaths: true },
      root: treesRoot,
    })
  let repos = 0
  return {
    github,
    dir,
    cacheRoot,
    treesRoot,
    git: own,
    gitWith,
    workspacesWith,
    repo: (files = someFiles, name = `r${++repos}`) => github.createRepo({ owner: 'o', name, files }),
    async open(repoUrl, { git: with_ = own, job: earlier, checkout, ...request } = {}) {
      const job = earlier ?? newJob(new Date(), { repoUrl, ...request })
      const workspace = await workspacesWith(with_).open(leaseOf(job), {
        signal: never,
        checkout: { ...plainProfile.checkout, ...checkout },
      })
      return { workspace, job }
    },
  }
}

/** A clone cache as the composition root makes it; nothing it does may be worth a warning. */
export const cacheIn = (root: string, git: Git, parts: Partial<CloneCacheParts> = {}): CloneCache =>
  new CloneCache({
    root,
    git,
    lock: new FileLock(join(root, '.locks'), systemClock),
    limitBytes: Number.POSITIVE_INFINITY,
    warn(message) {
      throw new Error(message)
    },
    ...parts,
  })

/** The tier of a volume that machines share, as the composition root makes it where there is no Redis. */
export const tierIn = (root: string, parts: Partial<SharedTierParts> = {}): SharedTier =>
  new SharedTier({
    root,
    lock: new FileLock(join(root, '.locks'), systemClock),
    limitBytes: Number.POSITIVE_INFINITY,
    warn(message) {
      throw new Error(message)
    },
    ...parts,
  })

export const leaseOf = (job: Job): Lease => ({ job, fence: 1 })

/** The runner's git as the composition root makes it. */
export function runnerGit(options: GitOptions = {}, apiUrl = 'https://api.github.com'): Git {
  return new Git({
    path: options.path ?? gitEnv.PATH,
    home: '/nonexistent',
    sshAuthSock: '',
    authorName: 'agenticore',
    authorEmail: 'runner@example.test',
    network: {},
    followRedirects: true,
    pause: async () => undefined,
    clock: systemClock,
    measures: options.measures ?? noMeasures,
    findCredential: firstOf([
      gitHubToken(options.token ?? '', { apiUrl }),
      ...(options.source ? [options.source] : []),
    ]),
  })
}

/** git as an agent runs it in its tree: with the tree's configuration. */
export const agentGit = (tree: string, ...args: string[]): Promise<string> =>
  git(tree, [
    '-c',
    'user.name=Agent',
    '-c',
    'user.email=agent@example.test',
    '-c',
    'protocol.file.allow=always',
    ...args,
  ])

/** Everything in `tree` committed by the agent. @returns the commit */
export async function agentCommit(tree: string, subject: string): Promise<string> {
  await agentGit(tree, 'add', '--all')
  await agentGit(tree, 'commit', '--quiet', '--allow-empty', '--message', subject)
  return await agentGit(tree, 'rev-parse', 'HEAD')
}

/** By id, so that what many commits share is read once. */
const blobs = new Map<string, string>()

/** `mode path` to content of all files of a commit; a symlink's content is its target, a submodule's its commit. */
export async function filesOf(gitDir: string, commit: string): Promise<Record<string, string>> {
  const rows = (await git(gitDir, ['ls-tree', '-r', '-z', commit])).split('\0').filter(Boolean)
  const files: Record<string, string> = {}
  for (const row of rows) {
    const [, mode = '', type = '', id = '', path = ''] = /^(\S+) (\S+) (\S+)\t(.*)$/s.exec(row) ?? []
    const content = type === 'blob' ? (blobs.get(id) ?? (await git(gitDir, ['cat-file', 'blob', id]))) : id
    blobs.set(id, content)
    files[mode === '100644' ? path : `${mode} ${path}`] = content
  }
  return files
}

/** Path to a checksum of what is there, for every file, link and directory below. */
export async function checksums(root: string): Promise<Record<string, string>> {
  const sums: Record<string, string> = {}
  for (const path of await everythingBelow(root)) {
    const stats = await lstat(join(root, path))
    if (stats.isSymbolicLink()) sums[path] = `link ${await readlink(join(root, path))}`
    else if (stats.isFile()) {
      sums[path] = createHash('sha256')
        .update(await readFile(join(root, path)))
        .digest('hex')
    } else sums[path] = 'directory'
  }
  return sums
}

/** The files below `root` that hold one of `texts`. */
export async function filesWith(root: string, ...texts: string[]): Promise<string[]> {
  const found: string[] = []
  for (const path of await everythingBelow(root)) {
    if (!(await lstat(join(root, path))).isFile()) continue
    const content = await readFile(join(root, path))
    if (texts.some(text => content.includes(text))) found.push(path)
  }
  return found
}

export const everythingBelow = async (root: string): Promise<string[]> =>
  (await readdir(root, { recursive: true })).sort()

export async function script(path: string, body: string): Promise<string> {
  await writeFile(path, `#!/bin/sh\n${body}\n`)
  await chmod(path, 0o755)
  return path
}

/** Holds a pipe open on both sides, as a process the agent left behind would. */
export const holdPipe = (path: string) => open(path, constants.O_RDWR | constants.O_NONBLOCK)

/** What the runner does when the agent is done, the second look at the tree included. */
export async function wholeEnd({ dir }: World, workspace: Workspace) {
  try {
    const change = await workspace.commit(message, never)
    if (!change) throw new Error('nothing changed')
    const files = await workspace.saveDiff(change, join(dir, `${workspace.branch.replaceAll('/', '-')}.patch`))
    await workspace.push(change, never)
    await workspace.commit(message, never)
    return { ...change, files }
  } finally {
    await workspace.dispose()
  }
}

/** What jobs have of a place on this machine when they are over: nothing. */
export async function leftBehind({ treesRoot }: World): Promise<string[]> {
  const names = [...(await readdir(treesRoot)), ...(await readdir(join(treesRoot, '.runner')))]
  return names.filter(name => name !== '.runner')
}
