import { join } from 'node:path'
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
  warn(message: string): void
}

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

  async publish(name: string, { commit, gitDir }: Wanted): Promise<void> {
    const { root, limitBytes } = this.#parts
    await this.#change(async () => {
      const there = await openRepository(join(root, name))
      const identity = await identityOf(there)
      await copyPacks(gitDir, there)
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
