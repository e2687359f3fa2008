import { chmod, lchown, lstat, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { hasCode } from '../util/error-code.ts'

/**
 * Gives a tree of ours to another user. A directory goes last: once it is another's, we may not look into it. A file
 * with a second name is left out, because the other name may be elsewhere.
 */
export async function giveTree(path: string, uid: number): Promise<void> {
  const stats = await lstat(path)
  if (stats.isDirectory()) {
    await Promise.all((await readdir(path)).map(name => giveTree(join(path, name), uid)))
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
  await take(path, { uid, gid })
}

async function take(path: string, owner: { uid: number; gid: number }): Promise<void> {
  const stats = await lstat(path).catch((error: unknown) => {
    // Deeper than a path can say: behind directories that are ours by now, where nobody else gets to.
    if (hasCode(error, 'ENOENT', 'ENAMETOOLONG')) return undefined
    throw error
  })
  if (!stats) return
  if (stats.uid !== owner.uid) await lchown(path, owner.uid, owner.gid)
  const needed = stats.isDirectory() ? 0o700 : 0o400
  const isPlain = stats.isDirectory() || (stats.isFile() && stats.nlink === 1)
  if (isPlain && (stats.mode & needed) !== needed) await chmod(path, (stats.mode & 0o777) | needed)
  if (!stats.isDirectory()) return
  await Promise.all((await readdir(path)).map(name => take(join(path, name), owner)))
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
