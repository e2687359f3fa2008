import { join } from 'node:path'
import type { Lock } from '../jobs/ports.ts'
import { hasCode, messageOf } from '../util/error-code.ts'
import { identityOf, isKept, keep, openRepository, throwAway, touch } from './bare-repository.ts'
import { evict } from './cache-upkeep.ts'
import { DamagedPack } from './pack-check.ts'
import { copyPacks, removePacks } from './packs.ts'

interface Wanted {
  readonly commit: string
  /** The repository of this machine's tier. */
  readonly gitDir: string
}

export interface SharedTierParts {
  /** On the volume that machines share. */
  readonly root: string
  readonly limitBytes: number
  /** Between the machines. */
  readonly lock: Lock
  warn(message: string): void
}

/** How long another machine that brings something of the same repository is waited for. */
const patienceMs = 120_000

/**
 * Packs that machines hand each other. Nobody works in here: packs are copied out and in, are checked on the way, never
 * change, and the name of a commit appears last. It only saves fetching, so whatever goes wrong here is said and passed
 * over.
 */
export class SharedTier {
  readonly #parts: SharedTierParts

  constructor(parts: SharedTierParts) {
    this.#parts = parts
  }

  /**
   * One machine at a time brings what is new of a repository: what it publishes is taken by those that wait. That saves
   * fetching; nothing in here depends on it.
   * @param bring its signal aborts when the lock is another machine's by now
   */
  async alone<T>(name: string, signal: AbortSignal, bring: (lost: AbortSignal) => Promise<T>): Promise<T> {
    return await this.#parts.lock.withLock(`clone:${name}`, { signal, patienceMs }, bring)
  }

  /** Copies what a commit needs from here. @returns false when it is not here, or cannot be used */
  async take(name: string, { commit, gitDir }: Wanted): Promise<boolean> {
    const { root, warn } = this.#parts
    const there = join(root, name, 'repo')
    try {
      if (!(await isKept(there, commit))) return false
      const identity = await identityOf(there)
      await copyPacks(there, gitDir)
      await tryTouch(there)
      // It may have been thrown out while it was copied.
      return (await isKept(there, commit)) && (await identityOf(there)) === identity
    } catch (error) {
      warn(`The shared clone cache cannot be used: ${messageOf(error)}`)
      if (error instanceof DamagedPack) await throwAway(there).catch(reason => warn(messageOf(reason)))
      return false
    }
  }

  /** @param lost whoever has the lock by now publishes, and not we */
  async publish(name: string, { commit, gitDir }: Wanted, lost: AbortSignal): Promise<void> {
    const { root, limitBytes } = this.#parts
    await this.#change(async () => {
      lost.throwIfAborted()
      const there = await openRepository(join(root, name))
      const identity = await identityOf(there)
      await copyPacks(gitDir, there)
      lost.throwIfAborted()
      // Somebody has thrown it out in the middle of this: the next one to fetch brings it all.
      if ((await identityOf(there)) !== identity) return
      await keep(there, commit)
      await touch(there)
      await evict(root, { limitBytes, except: there })
    })
  }

  /** @param replaced packs whose contents are in others that the repository has instead */
  async replace(name: string, { gitDir, replaced }: { gitDir: string; replaced: readonly string[] }): Promise<void> {
    await this.#change(async () => {
      const there = await openRepository(join(this.#parts.root, name))
      await copyPacks(gitDir, there)
      await removePacks(there, replaced)
    })
  }

  async #change(work: () => Promise<void>): Promise<void> {
    try {
      await work()
    } catch (error) {
      this.#parts.warn(`The shared clone cache could not be added to: ${messageOf(error)}`)
    }
  }
}

/** A volume that cannot be written can still be read. */
async function tryTouch(gitDir: string): Promise<void> {
  try {
    await touch(gitDir)
  } catch (error) {
    if (!hasCode(error, 'EROFS', 'EACCES', 'EPERM', 'ENOENT')) throw error
  }
}
