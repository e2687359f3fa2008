import { lstat } from 'node:fs/promises'
import { hasCode } from './error-code.ts'

/** A directory itself, not a link to one. */
export async function isRealDirectory(path: string | Buffer): Promise<boolean> {
  try {
    return (await lstat(path)).isDirectory()
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ENOTDIR')) return false
    throw error
  }
}
