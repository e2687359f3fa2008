import { chmod, lstat, mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { AgenticoreError } from '../jobs/errors.ts'
import type { RepositoryAddress } from '../jobs/repository.ts'
import { copyContents } from '../util/copy.ts'
import { hasCode } from '../util/error-code.ts'
import { isRealDirectory } from '../util/real-directory.ts'
import { removeTree } from '../util/remove-tree.ts'
import { makeRepository, withGitDir } from './bare-repository.ts'
import { type Git, type GitResult, gitError } from './git.ts'
import { lfsConfig, remoteConfig } from './git-config.ts'
import { linkOrCopy } from './packs.ts'

/**
 * Git LFS: files whose content is kept beside git, under its SHA-256, with a pointer to it in git. Nothing that the
 * repository itself says in `.lfsconfig` takes part where a network does: it could send our credential anywhere.
 */

/** A commit, and the object directory it is in. */
interface Source {
  readonly objects: string
  readonly commit: string
}

/** Whether a commit has files in LFS, as far as its attributes say. */
export async function usesLfs(git: Git, { objects, commit }: Source, signal: AbortSignal): Promise<boolean> {
  const args = ['grep', '--quiet', '-e', 'filter=lfs', commit, '--', ':(glob)**/.gitattributes']
  return (await withGitDir(objects, [], env => git.try({ args, env, signal }))).ok
}

export interface LfsFetch extends Source {
  readonly remote: RepositoryAddress
  /** Where contents are kept, and looked for before they are fetched. */
  readonly store: string
  /** Gets links to those the commit needs. */
  readonly target: string
}

/**
 * Brings the contents of a commit's files into the store, and from there into the target.
 * @throws AgenticoreError `lfs_missing`, `git_failed`; what could be had is in the target all the same
 */
export async function provideLfs(git: Git, fetch: LfsFetch, signal: AbortSignal): Promise<void> {
  const { remote, commit, store, target } = fetch
  await withLfsGitDir(fetch, async within => {
    const fetched = await git.try({ args: ['lfs', 'fetch', 'origin', commit], within, remote, signal })
    const listed = await git.try({ args: ['lfs', 'ls-files', '--long', commit], within, signal })
    for (const [, name = ''] of listed.stdout.matchAll(/^([0-9a-f]{64}) [-*] /gm)) await provide(store, target, name)
    if (!fetched.ok) throw lfsError('fetch', fetched)
    if (!listed.ok) throw lfsError('ls-files', listed)
  })
}

interface LfsPlace {
  readonly remote: RepositoryAddress
  readonly objects: string
  readonly store: string
  /** A commit the origin is known to have. */
  readonly base?: string
}

/** A git directory with nothing of the repository's own in it, index included: git-lfs would obey a `.lfsconfig` there. */
async function withLfsGitDir<T>(place: LfsPlace, work: (gitDir: string) => Promise<T>): Promise<T> {
  const { remote, objects, store, base } = place
  const gitDir = `${store}.${crypto.randomUUID()}.tmp`
  try {
    await makeRepository(gitDir)
    await writeFile(join(gitDir, 'objects/info/alternates'), `${objects}\n`)
    await writeFile(join(gitDir, 'config'), `[core]\n\tbare = true\n${remoteConfig(remote)}${lfsConfig(store)}`)
    if (base !== undefined) await writeFile(join(gitDir, 'packed-refs'), `${base} refs/remotes/origin/base\n`)
    return await work(gitDir)
  } finally {
    await removeTree(gitDir)
  }
}

async function provide(store: string, target: string, name: string): Promise<void> {
  const path = placeOf(name)
  try {
    await freeze(join(store, path))
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return
    throw error
  }
  await mkdir(dirname(join(target, path)), { recursive: true, mode: 0o700 })
  await linkOrCopy(join(store, path), join(target, path))
}

/** What jobs get links to is nobody's to write; git-lfs may have linked it from an origin on this disk, whose it stays. */
async function freeze(path: string): Promise<void> {
  const { mode, nlink } = await lstat(path)
  if ((mode & 0o777) === 0o444) return
  if (nlink === 1) return await chmod(path, 0o444)
  const part = `${path}.${crypto.randomUUID()}.tmp`
  try {
    await copyContents(path, part)
    await chmod(part, 0o444)
    await rename(part, path)
  } finally {
    await rm(part, { force: true })
  }
}

/**
 * Gives a store of ours what an agent has added to its tree's: plain files alone, by their names, and none with a second
 * name, for those are what the agent was given.
 */
export async function takeLfs(tree: string, store: string): Promise<void> {
  const from = join(tree, '.git/lfs')
  if (!(await isRealDirectory(join(tree, '.git'))) || !(await isRealDirectory(from))) return
  for await (const name of objectsIn(from)) {
    const path = placeOf(name)
    const stats = await lstat(join(from, path))
    if (!stats.isFile() || stats.nlink > 1) continue
    await mkdir(dirname(join(store, path)), { recursive: true, mode: 0o700 })
    await linkOrCopy(join(from, path), join(store, path))
  }
}

export interface LfsPush extends Source {
  readonly remote: RepositoryAddress
  /** A commit the origin has. */
  readonly base: string
  readonly store: string
}

/** Uploads what a commit needs beyond its base. @returns undefined when the store has nothing */
export async function pushLfs(git: Git, push: LfsPush, signal: AbortSignal): Promise<GitResult | undefined> {
  const { remote, commit, store } = push
  const { done } = await objectsIn(store).next()
  if (done) return undefined
  const args = ['lfs', 'push', 'origin', commit]
  return await withLfsGitDir(push, within => git.try({ args, within, remote, signal }))
}

/** How many bytes a store has. */
export async function lfsBytes(store: string): Promise<number> {
  let bytes = 0
  for await (const name of objectsIn(store)) {
    const stats = await lstat(join(store, placeOf(name))).catch(() => undefined)
    bytes += stats?.size ?? 0
  }
  return bytes
}

const placeOf = (name: string): string => join('objects', name.slice(0, 2), name.slice(2, 4), name)

/** Names of the objects in a store. No link is followed. */
async function* objectsIn(store: string): AsyncGenerator<string, void> {
  for (const first of await namesIn(join(store, 'objects'), /^[0-9a-f]{2}$/)) {
    for (const second of await namesIn(join(store, 'objects', first), /^[0-9a-f]{2}$/)) {
      yield* await namesIn(join(store, 'objects', first, second), /^[0-9a-f]{64}$/)
    }
  }
}

const namesIn = async (directory: string, wanted: RegExp): Promise<string[]> =>
  (await isRealDirectory(directory)) ? (await readdir(directory)).filter(name => wanted.test(name)) : []

function lfsError(command: string, { stderr }: GitResult): AgenticoreError {
  if (/'lfs' is not a git command/.test(stderr)) {
    return new AgenticoreError('lfs_missing', 'The profile says `lfs: true`, and git-lfs is not on the PATH.')
  }
  return gitError(`lfs ${command}`, stderr)
}
