import { link, open, readdir, rename, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { hasCode } from './error-code.ts'
import { joinedNext } from './joined.ts'

/** Files that are whole or not there, whenever the power goes: temp → fsync → rename or link → fsync of the directory. */

/** Replaces `path` with `content`. */
export async function writeDurably(path: string, content: string): Promise<void> {
  const temp = await writeTemp(path, content)
  try {
    await rename(temp, path)
  } catch (error) {
    await rm(temp, { force: true })
    throw error
  }
  await syncDirectory(dirname(path))
}

/** Creates `path`; false, and nothing changed, when it is already there. */
export async function createDurably(path: string, content: string): Promise<boolean> {
  const temp = await writeTemp(path, content)
  try {
    await link(temp, path)
  } catch (error) {
    if (hasCode(error, 'EEXIST')) return false
    throw error
  } finally {
    await rm(temp, { force: true })
  }
  await syncDirectory(dirname(path))
  return true
}

/** Removes what processes have left that were killed in the middle of a write; younger files may be somebody's still. */
export async function removeStaleTemps(directory: string, olderThan: Date): Promise<void> {
  for (const name of (await readdir(directory)).filter(each => each.endsWith('.tmp'))) {
    const path = join(directory, name)
    const stats = await stat(path).catch(() => undefined)
    if (stats?.isFile() && stats.mtime < olderThan) await rm(path, { force: true })
  }
}

/**
 * Makes renames, links and removals in `path` survive a power cut: those of everybody at once who waits for that, so that
 * many submissions at a time do not wait for as many writes of one directory.
 */
export const syncDirectory = joinedNext(async (path: string): Promise<void> => {
  const handle = await open(path, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
})

/** What is written through a handle fails without saying where. */
export function withPath(error: unknown, path: string): unknown {
  if (error instanceof Error && !error.message.includes(path)) error.message += ` '${path}'`
  return error
}

async function writeTemp(path: string, content: string): Promise<string> {
  const temp = `${path}.${crypto.randomUUID()}.tmp`
  const handle = await open(temp, 'wx', 0o600)
  try {
    await handle.writeFile(content)
    await handle.sync()
  } catch (error) {
    await rm(temp, { force: true })
    throw withPath(error, path)
  } finally {
    await handle.close()
  }
  return temp
}
