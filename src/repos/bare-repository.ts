import { randomBytes } from 'node:crypto'
import { access, lstat, mkdir, readdir, readFile, rename, utimes, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { writeDurably } from '../util/durable.ts'
import { hasCode } from '../util/error-code.ts'
import { removeTree } from '../util/remove-tree.ts'

const markerFile = 'agenticore-cache'
const keepRefs = 'refs/agenticore/keep'

/**
 * The bare repository in `{directory}/repo`, made if it is not there. Anything foreign in its place is moved aside, with
 * what it holds.
 */
export async function openRepository(directory: string): Promise<string> {
  const gitDir = join(directory, 'repo')
  if (await exists(join(gitDir, markerFile))) {
    if (await isComplete(gitDir)) return gitDir
    await throwAway(gitDir)
  }
  await mkdir(directory, { recursive: true, mode: 0o700 })
  const staging = join(directory, `repo.${randomBytes(6).toString('hex')}.tmp`)
  await makeRepository(staging)
  await publish(staging, gitDir)
  return gitDir
}

/** What `git init --bare` would make, without its templates and without starting a process. */
export async function makeRepository(gitDir: string): Promise<void> {
  for (const directory of ['objects/pack', 'objects/info', 'refs/heads', keepRefs]) {
    await mkdir(join(gitDir, directory), { recursive: true, mode: 0o700 })
  }
  await writeFile(join(gitDir, 'HEAD'), 'ref: refs/heads/none\n')
  await writeFile(
    join(gitDir, 'config'),
    '[core]\n\trepositoryformatversion = 0\n\tbare = true\n[gc]\n\tauto = 0\n[fetch]\n\tunpackLimit = 1\n',
  )
  await writeFile(join(gitDir, markerFile), `${randomBytes(16).toString('hex')}\n`)
}

const isComplete = async (gitDir: string): Promise<boolean> =>
  (await exists(join(gitDir, keepRefs))) && (await exists(join(gitDir, 'objects/pack')))

/** The same as long as nobody has made the repository anew; undefined when there is none. */
export async function identityOf(gitDir: string): Promise<string | undefined> {
  try {
    return await readFile(join(gitDir, markerFile), 'utf8')
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ENOTDIR')) return undefined
    throw error
  }
}

/** A ref that is made once and never moves: the commit, and all it needs, is there from now on. */
export async function keep(gitDir: string, commit: string): Promise<void> {
  await writeDurably(join(gitDir, keepRefs, commit), `${commit}\n`)
}

export const isKept = (gitDir: string, commit: string): Promise<boolean> => exists(join(gitDir, keepRefs, commit))

/**
 * Makes a git call on a repository of ours that obeys nothing in it: with a git directory of its own. An agent that runs
 * as we do could have left hooks or configuration in the repository.
 * @param objects the object directory
 * @param known commits that are there, for what has to know
 */
export async function withGitDir<T>(
  objects: string,
  known: readonly string[],
  call: (env: Record<string, string>) => Promise<T>,
): Promise<T> {
  return await withStaging(dirname(objects), known, staging =>
    call({ GIT_DIR: staging, GIT_OBJECT_DIRECTORY: objects }),
  )
}

/** A repository beside another, with nothing in it but the names of what that has; gone afterwards. */
export async function withStaging<T>(
  gitDir: string,
  known: readonly string[],
  work: (staging: string) => Promise<T>,
): Promise<T> {
  const staging = `${gitDir}.${randomBytes(6).toString('hex')}.tmp`
  try {
    await makeRepository(staging)
    await writeFile(join(staging, 'packed-refs'), known.map(sha => `${sha} ${keepRefs}/${sha}\n`).join(''))
    return await work(staging)
  } finally {
    await removeTree(staging)
  }
}

export const keptIn = async (gitDir: string): Promise<string[]> =>
  (await readdir(join(gitDir, keepRefs))).filter(name => /^[0-9a-f]{40}$/.test(name))

/** Out of everybody's way in one step: half of it in its place would pass for the whole. */
export async function throwAway(gitDir: string): Promise<void> {
  const gone = `${gitDir}.${randomBytes(6).toString('hex')}.tmp`
  try {
    await rename(gitDir, gone)
  } catch (error) {
    if (!hasCode(error, 'ENOENT')) throw error
  }
  await removeTree(gone)
}

/** For whoever looks for what was used longest ago. */
export async function touch(gitDir: string): Promise<void> {
  const now = new Date()
  await utimes(join(gitDir, markerFile), now, now)
}

export const usedAtFile = (gitDir: string): string => join(gitDir, markerFile)

/** Into place in one step. Somebody else's repository of the same moment is as good; anything foreign is moved aside. */
async function publish(staging: string, gitDir: string): Promise<void> {
  for (;;) {
    try {
      return await rename(staging, gitDir)
    } catch (error) {
      if (!hasCode(error, 'ENOTEMPTY', 'EEXIST', 'ENOTDIR')) throw error
    }
    if (await exists(join(gitDir, markerFile))) return await removeTree(staging)
    await moveAside(gitDir)
  }
}

/** What stands in the place of `{directory}/repo` and is no repository of ours. @returns where it is now; none if nothing does */
export async function setForeignAside(directory: string): Promise<string | undefined> {
  const gitDir = join(directory, 'repo')
  if (await exists(join(gitDir, markerFile))) return undefined
  // A link that leads nowhere is something, too.
  if (!(await exists(gitDir, lstat))) return undefined
  return await moveAside(gitDir)
}

/** @returns where it is now; none when it was gone, or turned out to be ours */
async function moveAside(path: string): Promise<string | undefined> {
  const aside = `${path}.foreign-${randomBytes(6).toString('hex')}`
  try {
    await rename(path, aside)
    if (!(await exists(join(aside, markerFile)))) return aside
    // Somebody else was faster, and what was moved is their repository: back with it, or away when there is one again.
    await publish(aside, path)
  } catch (error) {
    if (!hasCode(error, 'ENOENT')) throw error
  }
  return undefined
}

export async function exists(path: string, look: (path: string) => Promise<unknown> = access): Promise<boolean> {
  try {
    await look(path)
    return true
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ENOTDIR')) return false
    throw error
  }
}
