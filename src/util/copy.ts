import { createReadStream, createWriteStream } from 'node:fs'
import { lstat, mkdir, readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'

/**
 * A copy that is ours, with the mode of the original. Node's own `copyFile` and `cp` also hand over the original's owner
 * where the process may (CAP_CHOWN), and then fail, or leave us with a file that is somebody else's.
 */
export async function copyContents(from: string, to: string): Promise<void> {
  const { mode } = await stat(from)
  await rm(to, { force: true })
  await pipeline(createReadStream(from), createWriteStream(to, { flags: 'wx', mode: mode & 0o777 }))
}

/**
 * A file, or a directory with all in it, over what is there; what is neither is left out.
 * @param how.links whether links are followed, or left out
 */
export async function copyTree(from: string, to: string, how: { links: 'followed' | 'left out' }): Promise<void> {
  const stats = await (how.links === 'followed' ? stat(from) : lstat(from))
  if (stats.isFile()) return await copyContents(from, to)
  if (!stats.isDirectory()) return
  await mkdir(to, { recursive: true })
  for (const name of await readdir(from)) await copyTree(join(from, name), join(to, name), how)
}
