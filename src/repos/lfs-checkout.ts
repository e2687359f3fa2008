import { join } from 'node:path'
import { AgenticoreError } from '../jobs/errors.ts'
import type { RepositoryAddress } from '../jobs/repository.ts'
import type { CloneCache } from './cache.ts'
import type { Git } from './git.ts'
import { provideLfs, usesLfs } from './lfs.ts'

/** A tree that is about to be checked out. */
interface LfsCheckout {
  readonly tree: string
  readonly remote: RepositoryAddress
  readonly commit: string
  /** An object directory with the commit. */
  readonly objects: string
}

/**
 * Brings what a tree's files in LFS need, if it has any, so that a checkout finds it there.
 * @returns what is to be said of files that will be pointers
 * @throws AgenticoreError `lfs_missing`
 */
export async function bringLfs(
  { git, cache }: { git: Git; cache: CloneCache },
  { tree, remote, commit, objects }: LfsCheckout,
  signal: AbortSignal,
): Promise<string[]> {
  if (!(await usesLfs(git, { objects, commit }, signal))) return []
  const own = join(tree, '.git/lfs')
  const request = { commit, objects, target: own }
  try {
    await cache.provideLfs(remote, { ...request, signal }).catch(async (error: unknown) => {
      if (error instanceof AgenticoreError && error.code !== 'storage_failed') throw error
      // The disk of the cache: the job alone gets them.
      await provideLfs(git, { ...request, remote, store: own }, signal)
    })
    return []
  } catch (error) {
    signal.throwIfAborted()
    if (!(error instanceof AgenticoreError) || error.code === 'lfs_missing') throw error
    return [`Some files in Git LFS are pointers in the working tree: ${error.message}`]
  }
}
