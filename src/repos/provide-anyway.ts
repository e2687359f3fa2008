import { AgenticoreError } from '../jobs/errors.ts'
import type { RepositoryAddress } from '../jobs/repository.ts'
import { hasCode, messageOf } from '../util/error-code.ts'
import { removeTree } from '../util/remove-tree.ts'
import { CacheGone, type CloneCache, type ProvideRequest } from './cache.ts'
import { DamagedPack } from './pack-check.ts'

export interface Caches {
  readonly cache: CloneCache
  /** One for a single job, in a directory of its own: for when the cache cannot be used. */
  privateCache(root: string): CloneCache
}

export interface Anyway {
  /** Makes the targets ready, before each try. */
  begin(): Promise<void>
  /** Where a private cache may be meanwhile. */
  readonly own: string
  tell(warning: string): void
}

/** What a commit needs, from the cache or, where that cannot be used, from the origin for this job alone. */
export async function provideAnyway(
  { cache, privateCache }: Caches,
  remote: RepositoryAddress,
  request: ProvideRequest,
  { begin, own, tell }: Anyway,
): Promise<{ cached: boolean }> {
  try {
    await begin()
    return await cache.provide(remote, request)
  } catch (error) {
    if (!isUnusable(error)) throw error
    tell(`The clone cache cannot be used, so ${remote.url} is fetched for this job alone: ${messageOf(error)}`)
  }
  await begin()
  try {
    await privateCache(own).provide(remote, request)
    return { cached: false }
  } finally {
    await removeTree(own)
  }
}

/** The disk of the cache, not the origin, is what stands in the way. */
function isUnusable(error: unknown): boolean {
  if (error instanceof AgenticoreError) {
    return (
      error.code === 'storage_failed' ||
      (error.code === 'git_failed' && /Permission denied|Read-only/.test(error.message))
    )
  }
  const onDisk = ['ENOENT', 'ENOSPC', 'EDQUOT', 'EROFS', 'EACCES', 'EPERM', 'EIO', 'ENOTDIR', 'EEXIST', 'ELOOP']
  return error instanceof CacheGone || error instanceof DamagedPack || hasCode(error, ...onDisk)
}
