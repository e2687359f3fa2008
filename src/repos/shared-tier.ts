import { randomBytes } from 'node:crypto'
import { rename } from 'node:fs/promises'
import { join } from 'node:path'
import { messageOf } from '../util/error-code.ts'
import { isKept, keep, openRepository, touch } from './bare-repository.ts'
import { evict } from './cache-upkeep.ts'
import { copyPacks, DamagedPack, packsIn, removePacks } from './packs.ts'

/** When there are this many packs more than the publisher has, they are what it has packed anew. */
const mostSuperseded = 20

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
      await copyPacks(there, gitDir)
      // It may have been thrown out while it was copied.
      return await isKept(there, commit)
    } catch (error) {
      warn(`The shared clone cache cannot be used: ${messageOf(error)}`)
      if (error instanceof DamagedPack) await this.#moveAside(there)
      return false
    }
  }

  async publish(name: string, { commit, gitDir }: Wanted): Promise<void> {
    const { root, limitBytes, warn } = this.#parts
    try {
      const there = await openRepository(join(root, name))
      await copyPacks(gitDir, there)
      await keep(there, commit)
      await touch(there)
      await this.#dropSuperseded(gitDir, there)
      await evict(root, { limitBytes, except: there })
    } catch (error) {
      warn(`The shared clone cache could not be added to: ${messageOf(error)}`)
    }
  }

  /** Packs that a later one has everything of: the publisher had them, and packed them anew. */
  async #dropSuperseded(gitDir: string, there: string): Promise<void> {
    const ours = new Set(await packsIn(gitDir))
    const others = (await packsIn(there)).filter(pack => !ours.has(pack))
    if (others.length > mostSuperseded) await removePacks(there, others)
  }

  async #moveAside(gitDir: string): Promise<void> {
    await rename(gitDir, `${gitDir}.damaged-${randomBytes(6).toString('hex')}`).catch(() => undefined)
  }
}
