import { lstat, mkdir } from 'node:fs/promises'

/**
 * A directory that is ours, made if it is not there: in a place where others may write, they can have been faster.
 * @throws when it is a link, no directory, or somebody else's
 */
export async function ownDirectory(path: string, mode: number): Promise<void> {
  await mkdir(path, { recursive: true, mode })
  const stats = await lstat(path)
  const uid = process.getuid?.()
  if (stats.isDirectory() && (uid === undefined || stats.uid === uid)) return
  throw Object.assign(new Error(`EACCES: ${path} belongs to another user`), { code: 'EACCES' })
}
