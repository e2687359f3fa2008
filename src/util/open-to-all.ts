import { chmod, lstat, mkdir } from 'node:fs/promises'
import { walk } from './walk.ts'

const openDirectoryMode = 0o755

/** Directories, each perhaps in the one before, that users other than ours get through, whatever our umask. */
export async function openDirectories(paths: readonly string[]): Promise<void> {
  for (const path of paths) {
    await mkdir(path, { recursive: true, mode: openDirectoryMode })
    const { mode } = await lstat(path)
    if ((mode & openDirectoryMode) !== openDirectoryMode) await chmod(path, openDirectoryMode)
  }
}

/** A tree of ours that every user can read, whatever our umask; what we may run, everybody may. */
export async function openTree(path: string): Promise<void> {
  await chmod(path, openDirectoryMode)
  await walk(path, 'before', async (inner, entry) => {
    if (entry.isSymbolicLink()) return
    const { mode } = await lstat(inner)
    const open = (mode & 0o100) === 0 ? mode | 0o444 : mode | 0o555
    if (open !== mode) await chmod(inner, open & 0o7777)
  })
}
