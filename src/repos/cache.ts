import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { AgenticoreError } from '../jobs/errors.ts'
import type { Lock } from '../jobs/ports.ts'
import type { RepositoryAddress } from '../jobs/repository.ts'
import { hasCode, messageOf } from '../util/error-code.ts'
import {
  exists,
  identityOf,
  isKept,
  keep,
  keptIn,
  openRepository,
  throwAway,
  touch,
  withStaging,
} from './bare-repository.ts'
import { compact, evict, halve } from './cache-upkeep.ts'
import { type Git, type GitResult, isDamage } from './git.ts'
import { provideLfs } from './lfs.ts'
import { readError } from './origin-errors.ts'
import { DamagedPack } from './pack-check.ts'
import { linkPacks, movePacks } from './packs.ts'
import type { SharedTier } from './shared-tier.ts'

const mostAttempts = 5
/** How long somebody else's fetch of the same repository is waited for. */
const patienceMs = 600_000

export interface CloneCacheParts {
  /** Local disk. */
  readonly root: string
  readonly git: Git
  readonly lock: Lock
  readonly limitBytes: number
  /** Another tier, which machines share. */
  readonly shared?: SharedTier | undefined
  warn(message: string): void
}

export interface LfsRequest {
  readonly commit: string
  /** An object directory with the commit. */
  readonly objects: string
  /** The store of contents that gets everything the commit needs. */
  readonly target: string
  readonly signal: AbortSignal
}

export interface ProvideRequest {
  readonly commit: string
  /** What was had another way has turned out to be damaged. */
  readonly fromOrigin?: boolean
  /** The object directories that get everything the commit needs. */
  readonly targets: readonly string[]
  readonly signal: AbortSignal
}

/**
 * One bare repository for each origin, whose packs jobs get links to: what a job has is its own then, and nothing that
 * happens to the cache reaches it. Each commit that was ever asked for is kept under `refs/agenticore/keep/<commit>`: such
 * a ref is made once and never moves, so that any number of fetches at once cannot get in each other's way.
 */
export class CloneCache {
  readonly #parts: CloneCacheParts

  constructor(parts: CloneCacheParts) {
    this.#parts = parts
  }

  /**
   * Puts the commit and all it needs into the targets.
   * @returns whether the cache had the commit already
   * @throws AgenticoreError `origin_*`, `git_failed`, `storage_failed`
   */
  async provide(remote: RepositoryAddress, request: ProvideRequest): Promise<{ cached: boolean }> {
    let { fromOrigin = false } = request
    for (let attempt = 1; ; attempt++) {
      try {
        const { cached } = await this.#provide(remote, { ...request, fromOrigin })
        return { cached: cached && attempt === 1 }
      } catch (error) {
        request.signal.throwIfAborted()
        if (!(error instanceof DamagedPack || error instanceof CacheGone) || attempt === mostAttempts) throw error
        if (error instanceof CacheGone) continue
        this.#parts.warn(`${error.message}; the clone cache of ${remote.url} is made anew.`)
        await this.discard(remote)
        fromOrigin = true
      }
    }
  }

  /** @throws CacheGone when somebody emptied the cache, or packed it anew, in the middle of this */
  async #provide(remote: RepositoryAddress, request: ProvideRequest): Promise<{ cached: boolean }> {
    const gitDir = await openRepository(this.#directory(remote))
    const identity = await identityOf(gitDir)
    try {
      const cached = (await isKept(gitDir, request.commit)) || !(await this.#bring(remote, gitDir, request))
      await touch(gitDir)
      await linkPacks(gitDir, request.targets)
      await expectSame(gitDir, identity)
      return { cached }
    } catch (error) {
      const isGone = hasCode(error, 'ENOENT') || (await identityOf(gitDir)) !== identity
      throw isGone ? new CacheGone(messageOf(error)) : error
    }
  }

  /**
   * Puts the contents of the commit's files in LFS into the target; they are kept in this machine's tier alone.
   * @throws AgenticoreError `lfs_missing`, `git_failed`
   */
  async provideLfs(remote: RepositoryAddress, { commit, objects, target, signal }: LfsRequest): Promise<void> {
    const gitDir = await openRepository(this.#directory(remote))
    try {
      const store = join(gitDir, 'lfs')
      await provideLfs(this.#parts.git, { remote, commit, objects, store, target }, signal)
    } finally {
      await this.#keepInShape(remote, gitDir, signal)
    }
  }

  /** What is damaged goes as a whole: it is there for its speed alone, and what jobs have of it is theirs. */
  async discard(remote: RepositoryAddress): Promise<void> {
    await throwAway(join(this.#directory(remote), 'repo'))
  }

  /** @returns false when somebody else brought it while we waited, or another machine had it */
  async #bring(remote: RepositoryAddress, gitDir: string, request: ProvideRequest): Promise<boolean> {
    const { commit, signal } = request
    return await this.#parts.lock.withLock(cacheName(remote), { signal, patienceMs }, async () => {
      if (await isKept(gitDir, commit)) return false
      const isBrought = await this.#bringNew(remote, gitDir, request)
      await this.#keepInShape(remote, gitDir, signal)
      return isBrought
    })
  }

  /** @returns false when another machine had it */
  async #bringNew(remote: RepositoryAddress, gitDir: string, request: ProvideRequest): Promise<boolean> {
    const { commit, fromOrigin = false, signal } = request
    const { shared } = this.#parts
    const name = cacheName(remote)
    const fetch = (): Promise<void> =>
      this.#fetch(gitDir, remote, request).catch(error => this.#afterFailure(error, gitDir))
    const take = async (): Promise<boolean> => {
      const isTaken = !fromOrigin && (await shared?.take(name, { commit, gitDir })) === true
      if (isTaken) await keep(gitDir, commit)
      return isTaken
    }
    if (!shared) return await fetch().then(() => true)
    if (await take()) return false
    return await shared.alone(name, signal, async lost => {
      if (await take()) return false
      await fetch()
      await shared.publish(name, { commit, gitDir }, lost)
      return true
    })
  }

  /** Into a place of its own: what a fetch that fails or is killed leaves is not in the cache. */
  async #fetch(gitDir: string, remote: RepositoryAddress, { commit, signal }: ProvideRequest): Promise<void> {
    const quietly = [
      '--quiet',
      '--no-tags',
      '--no-write-fetch-head',
      '--no-auto-maintenance',
      '--no-recurse-submodules',
    ]
    const args = ['fetch', ...quietly, '--end-of-options', remote.url, `${commit}:refs/heads/${commit}`]
    const identity = await identityOf(gitDir)
    await withStaging(gitDir, await keptIn(gitDir), async staging => {
      const env = { GIT_DIR: staging, GIT_ALTERNATE_OBJECT_DIRECTORIES: join(gitDir, 'objects') }
      const result = await this.#parts.git.try({ args, env, remote, signal })
      if (!result.ok) throw await this.#fetchError([gitDir, staging], remote, result)
      // What was fetched builds on what was there when it began.
      await expectSame(gitDir, identity)
      await movePacks(staging, gitDir)
      await keep(gitDir, commit)
    })
  }

  /** A full disk stays full for all that come after, unless there is less on it. */
  async #afterFailure(error: unknown, gitDir: string): Promise<never> {
    const { root, warn } = this.#parts
    if (error instanceof AgenticoreError && error.code === 'storage_failed') {
      await halve(root, gitDir).catch((reason: unknown) => warn(`Upkeep of the clone cache: ${messageOf(reason)}`))
    }
    throw error
  }

  /** @param places the repositories that git worked in */
  async #fetchError(places: readonly [string, string], remote: RepositoryAddress, result: GitResult): Promise<Error> {
    const error = readError(remote, result)
    if (error.code === 'storage_failed') return error
    for (const place of places) if (!(await isWhole(place))) return new CacheGone(error.message)
    // git names the cache where that, and not the origin, is what it stumbled over.
    if (!result.stderr.includes(places[0])) return error
    return isDamage(result.stderr) ? new DamagedPack(error.message) : new CacheGone(error.message)
  }

  /** Upkeep is for later jobs: what goes wrong with it is no fault of this one. */
  async #keepInShape(remote: RepositoryAddress, gitDir: string, signal: AbortSignal): Promise<void> {
    const { root, git, shared, limitBytes, warn } = this.#parts
    try {
      const replaced = await compact(git, gitDir, signal)
      if (replaced.length > 0) await shared?.replace(cacheName(remote), { gitDir, replaced })
      await evict(root, { limitBytes, except: gitDir })
    } catch (error) {
      signal.throwIfAborted()
      warn(`Upkeep of the clone cache: ${messageOf(error)}`)
    }
  }

  #directory(remote: RepositoryAddress): string {
    return join(this.#parts.root, cacheName(remote))
  }
}

/** Whether git would still take it for a repository; half removed, it does not. */
async function isWhole(gitDir: string): Promise<boolean> {
  const parts = await Promise.all(['HEAD', 'objects', 'refs'].map(name => exists(join(gitDir, name))))
  return parts.every(Boolean)
}

/** Somebody removed it in the middle of something. */
export class CacheGone extends Error {}

async function expectSame(gitDir: string, identity: string | undefined): Promise<void> {
  if (identity === undefined || (await identityOf(gitDir)) !== identity) throw new CacheGone(`${gitDir} was removed`)
}

/** Twelve hex digits that are the same for all spellings of an address. */
export const cacheName = (remote: RepositoryAddress): string =>
  createHash('sha256').update(remote.normalised).digest('hex').slice(0, 12)
