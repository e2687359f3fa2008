import { createReadStream, createWriteStream } from 'node:fs'
import { lstat, mkdir, readdir, realpath, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { hasCode } from './error-code.ts'

/**
 * A copy that is ours, with the mode of the original. Node's own `copyFile` and `cp` also hand over the original's owner
 * where the process may (CAP_CHOWN), and then fail, or leave us with a file that is somebody else's.
 */
export async function copyContents(from: string, to: string): Promise<void> {
  const { mode } = await stat(from)
  await rm(to, { force: true })
  await pipeline(createReadStream(from), createWriteStream(to, { flags: 'wx', mode: mode & 0o777 }))
}

export interface CopyOptions {
  /** Whether links are followed, or left out. */
  readonly links: 'followed' | 'left out'
  /** Told of links that lead nowhere, or into themselves; they are left out. */
  readonly skipped?: (path: string) => void
}

/** A file, or a directory with all in it, over what is there; what is neither is left out. */
export async function copyTree(from: string, to: string, options: CopyOptions): Promise<void> {
  await copyBelow(from, to, options, [])
}

/** @param above where the directories really are that this is in: a link to what holds one of them has no end */
async function copyBelow(from: string, to: string, options: CopyOptions, above: readonly string[]): Promise<void> {
  const isFollowed = options.links === 'followed'
  const real = isFollowed ? await realPlaceOf(from) : from
  if (real === undefined || above.some(each => `${each}/`.startsWith(`${real}/`))) return options.skipped?.(from)
  const stats = await (isFollowed ? stat(from) : lstat(from))
  if (stats.isFile()) return await copyContents(from, to)
  if (!stats.isDirectory()) return
  await mkdir(to, { recursive: true })
  for (const name of await readdir(from)) await copyBelow(join(from, name), join(to, name), options, [...above, real])
}

async function realPlaceOf(path: string): Promise<string | undefined> {
  try {
    return await realpath(path)
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ELOOP', 'ENOTDIR')) return undefined
    throw error
  }
}
