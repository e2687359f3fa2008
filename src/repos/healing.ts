import { AgenticoreError } from '../jobs/errors.ts'
import type { RepositoryAddress } from '../jobs/repository.ts'
import type { CloneCache } from './cache.ts'
import { isDamage } from './git.ts'

export interface Healing {
  readonly cache: CloneCache
  readonly remote: RepositoryAddress
  readonly signal: AbortSignal
  /** What a user is to know of it. */
  tell(message: string): void
}

/**
 * A checkout from the clone cache; where git stumbles over what the cache gave, once more from the origin.
 * @param attempt begins anew, whatever an earlier one has left
 */
export async function withHealing<T>(healing: Healing, attempt: (fromOrigin: boolean) => Promise<T>): Promise<T> {
  const { cache, remote, signal, tell } = healing
  try {
    return await attempt(false)
  } catch (error) {
    signal.throwIfAborted()
    // What an origin refuses may be worded alike.
    const isOurs = error instanceof AgenticoreError && error.code === 'git_failed'
    if (!isOurs || !isDamage(error.message)) throw error
    tell(`The clone cache was damaged, and is made anew: ${error.message}`)
    await cache.discard(remote)
    return await attempt(true)
  }
}
