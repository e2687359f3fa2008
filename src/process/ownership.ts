import { chmod, lchown, lstat } from 'node:fs/promises'
import { hasCode } from '../util/error-code.ts'
import { walk } from '../util/walk.ts'

/**
 * Gives a tree of ours to another user. A directory goes last: once it is another's, we may not look into it. A file
 * with more names than are in the tree is left out: it is somebody else's, too.
 */
export async function giveTree(path: string, uid: number): Promise<void> {
  const stats = await lstat(path)
  if (stats.isDirectory()) {
    const names = new Map<number, number>()
    await walk(path, 'after', async (inner, entry) => {
      if (entry.isDirectory() || (await isWhollyIn(names, inner))) await lchown(inner, uid, uid)
    })
  } else if (stats.nlink > 1) return
  await lchown(path, uid, uid)
}

/** @param names how many of a file's names have been met, by its inode: with the last of them it is known to be in here alone */
async function isWhollyIn(names: Map<number, number>, path: Buffer): Promise<boolean> {
  const { nlink, ino } = await lstat(path)
  if (nlink === 1) return true
  const met = (names.get(ino) ?? 0) + 1
  names.set(ino, met)
  return met === nlink
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
  const taken: string[] = []
  try {
    for (const place of places) {
      await lchown(place, ours, ours)
      taken.push(place)
    }
    return await work()
  } finally {
    for (const place of taken.toReversed()) await lchown(place, uid, uid)
  }
}
