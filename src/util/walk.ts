import type { Dirent } from 'node:fs'
import { readdir } from 'node:fs/promises'

/** How many entries are seen to at once: enough to keep the disk busy, few enough for any number of files. */
const atOnce = 64

export type Entry = Dirent<Buffer>

/**
 * Calls `visit` with all that is below a directory, links themselves included. A directory comes `before` or `after` what
 * is in it. Takes as much memory as the longest directories on one way down. Paths are bytes: names need not be UTF-8.
 */
export async function walk(
  directory: string | Buffer,
  order: 'before' | 'after',
  visit: (path: Buffer, entry: Entry) => Promise<void>,
): Promise<void> {
  const entries = await entriesOf(directory)
  const [directories, others] = [
    entries.filter(each => each.isDirectory()),
    entries.filter(each => !each.isDirectory()),
  ]
  for (let at = 0; at < others.length; at += atOnce) {
    await Promise.all(others.slice(at, at + atOnce).map(entry => visit(inside(directory, entry.name), entry)))
  }
  for (const entry of directories) {
    const path = inside(directory, entry.name)
    if (order === 'before') await visit(path, entry)
    await walk(path, order, visit)
    if (order === 'after') await visit(path, entry)
  }
}

export const entriesOf = (directory: string | Buffer): Promise<Entry[]> =>
  readdir(directory, { withFileTypes: true, encoding: 'buffer' })

export const inside = (directory: string | Buffer, name: Buffer): Buffer =>
  Buffer.concat([Buffer.from(directory), Buffer.from('/'), name])
