import { chmod, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { hasCode } from './error-code.ts'

/** Removes a directory and all in it, directories that were made read-only (as Go's module cache is) included. */
export async function removeTree(path: string): Promise<void> {
  try {
    await rm(path, { recursive: true, force: true })
  } catch (error) {
    if (!hasCode(error, 'EACCES', 'EPERM', 'ENOTEMPTY')) throw error
    await makeWritable(path)
    await rm(path, { recursive: true, force: true, maxRetries: 3 })
  }
}

async function makeWritable(directory: string): Promise<void> {
  try {
    await chmod(directory, 0o700)
    for (const entry of await readdir(directory, { withFileTypes: true })) {
      if (entry.isDirectory()) await makeWritable(join(directory, entry.name))
    }
  } catch (error) {
    // Somebody else is removing it, too.
    if (!hasCode(error, 'ENOENT')) throw error
  }
}
