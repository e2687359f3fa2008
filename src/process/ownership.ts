import { chmod, lchown, lstat } from 'node:fs/promises'
import { hasCode } from '../util/error-code.ts'
import { walk } from '../util/walk.ts'

/**
 * Gives a tree of ours to another user. A directory goes last: once it is another's, we may not look into it. A file
 * with a second name is left out, because the other name may be elsewhere.
 */
export async function giveTree(path: string, uid: number): Promise<void> {
  const stats = await lstat(path)
  if (stats.isDirectory()) {
    await walk(path, 'after', async (inner, entry) => {
      if (entry.isDirectory() || (await lstat(inner)).nlink === 1) await lchown(inner, uid, uid)
    })
  } else if (stats.nlink > 1) return
  await lchown(path, uid, uid)
}

/**
 * Makes a tree ours that was another user's, and readable to us. A directory goes first: before it is ours, we may not
 * look into it. No link is followed; nothing of that user may run any more.
 */
export async function takeTree(path: string): Promise<void> {
  const [uid, gid] = [process.getuid?.(), process.getgid?.()]
  if (uid === undefined || gid === undefined) return
  try {
    if (!(await takeOne(path, { uid, gid }))) return
    await walk(path, 'before', async inner => void (await takeOne(inner, { uid, gid })))
  } catch (error) {
    // Deeper than a path can say: behind directories that are ours by now, where nobody else gets to.
    if (!hasCode(error, 'ENOENT', 'ENAMETOOLONG')) throw error
  }
}

/** @returns whether it is a directory */
async function takeOne(path: string | Buffer, owner: { uid: number; gid: number }): Promise<boolean> {
  const stats = await lstat(path)
  if (stats.uid !== owner.uid) await lchown(path, owner.uid, owner.gid)
  const needed = stats.isDirectory() ? 0o700 : 0o400
  const isPlain = stats.isDirectory() || (stats.isFile() && stats.nlink === 1)
  if (isPlain && (stats.mode & needed) !== needed) await chmod(path, (stats.mode & 0o777) | needed)
  return stats.isDirectory()
}

/** These places alone, each inside the one before it, are ours while `work` runs. */
export async function whileOurs<T>(places: readonly string[], uid: number, work: () => Promise<T>): Promise<T> {
  const ours = process.getuid?.() ?? uid
  for (const place of places) await lchown(place, ours, ours)
  try {
    return await work()
  } finally {
    for (const place of places.toReversed()) await lchown(place, uid, uid)
  }
}
