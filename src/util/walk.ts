import type { Dirent } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'

/** How many entries are seen to at once: enough to keep the disk busy, few enough for any number of files. */
const atOnce = 64

/**
 * Calls `visit` with all that is below a directory, links themselves included. A directory comes `before` or `after` what
 * is in it. Takes as much memory as the longest directories on one way down.
 */
export async function walk(
  directory: string,
  order: 'before' | 'after',
  visit: (path: string, entry: Dirent) => Promise<void>,
): Promise<void> {
  const entries = await readdir(directory, { withFileTypes: true })
  const [directories, others] = [
    entries.filter(each => each.isDirectory()),
    entries.filter(each => !each.isDirectory()),
  ]
  for (let at = 0; at < others.length; at += atOnce) {
    await Promise.all(others.slice(at, at + atOnce).map(entry => visit(join(directory, entry.name), entry)))
  }
  for (const entry of directories) {
    const path = join(directory, entry.name)
    if (order === 'before') await visit(path, entry)
    await walk(path, order, visit)
    if (order === 'after') await visit(path, entry)
  }
}
