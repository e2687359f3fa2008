import { createHash, randomBytes } from 'node:crypto'
import { access, chmod, mkdir, readdir, rename, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { RepositoryAddress } from '../jobs/repository.ts'
import { writeDurably } from '../util/durable.ts'
import { hasCode } from '../util/error-code.ts'
import { removeTree } from '../util/remove-tree.ts'
import type { Git, GitResult } from './git.ts'
import { readError } from './origin-errors.ts'

const markerFile = 'agenticore-cache'
const mostAttempts = 5
const keepPath = 'refs/agenticore/keep'

/**
 * One bare repository for each origin, which jobs borrow objects from and never write to. Each commit that was ever
 * asked for is kept under `refs/agenticore/keep/<commit>`: such a ref is made once and never moves, so that any number
 * of fetches at once cannot get in each other's way, and nothing a job borrows is ever pruned.
 */
export class CloneCache {
  readonly #root: string
  readonly #git: Git
  readonly #open: boolean

  /** @param options.open whether other users of this machine, the agents', may read the objects */
  constructor(root: string, git: Git, { open }: { open: boolean } = { open: false }) {
    this.#root = root
    this.#git = git
    this.#open = open
  }

  /**
   * Makes sure that `commit` is there.
   * @returns the git directory, and whether it had the commit already
   * @throws AgenticoreError `origin_*`, `git_failed`
   */
  async ensure(
    remote: RepositoryAddress,
    commit: string,
    signal: AbortSignal,
  ): Promise<{ gitDir: string; cached: boolean }> {
    for (let attempt = 1; ; attempt++) {
      const gitDir = await this.#find(remote)
      const kept = join(gitDir, keepPath, commit)
      if (await exists(kept)) return { gitDir, cached: attempt === 1 }
      const result = await this.#fetch(remote, commit, { gitDir, signal })
      // Of two fetches of one commit the slower finds the ref taken: it fails, and has what it wanted.
      if (await exists(kept)) return { gitDir, cached: false }
      // While several at once move something foreign aside, a good cache can be away for a moment: git names it then.
      const away = result.ok || result.stderr.includes(gitDir)
      if (!away || attempt === mostAttempts) throw readError(remote, result)
    }
  }

  async #fetch(
    remote: RepositoryAddress,
    commit: string,
    { gitDir, signal }: { gitDir: string; signal: AbortSignal },
  ): Promise<GitResult> {
    const quietly = [
      '--quiet',
      '--no-tags',
      '--no-write-fetch-head',
      '--no-auto-maintenance',
      '--no-recurse-submodules',
    ]
    const args = ['fetch', ...quietly, '--end-of-options', remote.url, `${commit}:refs/heads/${commit}`]
    const own = await makeFetchDir(gitDir)
    try {
      const env = { GIT_DIR: own, GIT_OBJECT_DIRECTORY: join(gitDir, 'objects') }
      const result = await this.#git.try({ args, env, remote, signal })
      if (result.ok) await keep(gitDir, commit)
      return result
    } finally {
      await removeTree(own)
    }
  }

  async #find(remote: RepositoryAddress): Promise<string> {
    const directory = join(this.#root, cacheName(remote))
    const gitDir = join(directory, 'repo')
    if (await exists(join(gitDir, markerFile))) {
      if (this.#open) await letOthersRead(this.#root, directory, gitDir)
      return gitDir
    }
    await mkdir(directory, { recursive: true, mode: 0o700 })
    const staging = join(directory, `repo.${randomBytes(6).toString('hex')}.tmp`)
    await writeBareRepository(staging)
    await publish(staging, gitDir)
    if (this.#open) await letOthersRead(this.#root, directory, gitDir)
    return gitDir
  }
}

/** Twelve hex digits that are the same for all spellings of an address. */
export const cacheName = (remote: RepositoryAddress): string =>
  createHash('sha256').update(remote.normalised).digest('hex').slice(0, 12)

/**
 * A git directory for one fetch, with the cache's objects and the names of what is kept there: an agent that runs as we
 * do could have left hooks or configuration in the cache's own.
 */
async function makeFetchDir(gitDir: string): Promise<string> {
  const own = join(dirname(gitDir), `fetch.${randomBytes(6).toString('hex')}.tmp`)
  await writeBareRepository(own)
  const kept = (await readdir(join(gitDir, keepPath))).filter(name => /^[0-9a-f]{40}$/.test(name))
  await writeFile(join(own, 'packed-refs'), kept.map(commit => `${commit} refs/agenticore/keep/${commit}\n`).join(''))
  return own
}

/** The commit is there from now on. */
async function keep(gitDir: string, commit: string): Promise<void> {
  await writeDurably(join(gitDir, keepPath, commit), `${commit}\n`)
}

/** The objects, and the way to them; what else is there has no need to be seen. git's own directories are open. */
async function letOthersRead(...way: string[]): Promise<void> {
  const objects = join(way.at(-1) ?? '', 'objects')
  for (const directory of way) await chmod(directory, 0o711)
  for (const directory of [objects, join(objects, 'pack'), join(objects, 'info')]) await chmod(directory, 0o755)
}

/** What `git init --bare` would make, without its templates and without starting a process. */
async function writeBareRepository(gitDir: string): Promise<void> {
  for (const directory of ['objects/pack', 'objects/info', 'refs/heads', 'refs/agenticore/keep']) {
    await mkdir(join(gitDir, directory), { recursive: true, mode: 0o700 })
  }
  await writeFile(join(gitDir, 'HEAD'), 'ref: refs/heads/none\n')
  await writeFile(
    join(gitDir, 'config'),
    '[core]\n\trepositoryformatversion = 0\n\tbare = true\n[gc]\n\tauto = 0\n[fetch]\n\tunpackLimit = 1\n',
  )
  await writeFile(join(gitDir, markerFile), '1\n')
}

/** Into place in one step. Somebody else's cache of the same moment is as good; anything foreign is moved aside. */
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

async function moveAside(path: string): Promise<void> {
  const aside = `${path}.foreign-${randomBytes(6).toString('hex')}`
  try {
    await rename(path, aside)
    // Somebody else was faster, and what was moved is their cache: back with it, or away when there is one again.
    if (await exists(join(aside, markerFile))) await publish(aside, path)
  } catch (error) {
    if (!hasCode(error, 'ENOENT')) throw error
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await access(path)
    return true
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ENOTDIR')) return false
    throw error
  }
}
