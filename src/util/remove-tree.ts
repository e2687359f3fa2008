import { chmod, lchown, readdir, rename, rm, rmdir, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { hasCode } from './error-code.ts'
import { isRealDirectory } from './real-directory.ts'
import { walk } from './walk.ts'

/** Removes a directory and all in it, made read-only (as Go's module cache is) or deeper than any path can say. */
export async function removeTree(path: string): Promise<void> {
  try {
    if (!(await isRealDirectory(path))) return await rm(path, { force: true })
    await walk(path, 'after', (inner, entry) => (entry.isDirectory() ? rmdir(inner) : unlink(inner)))
    await rmdir(path)
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return await removeTree(path)
    if (!hasCode(error, 'EACCES', 'EPERM', 'ENOTEMPTY', 'ENAMETOOLONG')) throw error
    await removeFlat(path)
  }
}

/** What is two levels deep is moved up, again and again, until there is nothing left: no path gets long. */
async function removeFlat(top: string): Promise<void> {
  try {
    await makeOurs(top)
    for (let names = await readdir(top); names.length > 0; names = await readdir(top)) {
      for (const name of names) await removeOneLevel(top, name)
    }
    await rmdir(top)
  } catch (error) {
    // Somebody else is removing it, too.
    if (!hasCode(error, 'ENOENT')) throw error
  }
}

async function removeOneLevel(top: string, name: string): Promise<void> {
  const path = join(top, name)
  try {
    await unlink(path)
    return
  } catch (error) {
    if (!hasCode(error, 'EISDIR', 'EPERM')) throw error
  }
  await makeOurs(path)
  for (const inner of await readdir(path, { withFileTypes: true })) {
    const deep = join(path, inner.name)
    if (!inner.isDirectory()) {
      await unlink(deep)
      continue
    }
    // A directory that is moved is written to: it has a new parent.
    await makeOurs(deep)
    await rename(deep, join(top, crypto.randomUUID()))
  }
  await rmdir(path)
}

async function makeOurs(directory: string): Promise<void> {
  const [uid, gid] = [process.getuid?.(), process.getgid?.()]
  if (uid !== undefined && gid !== undefined) {
    await lchown(directory, uid, gid).catch((error: unknown) => {
      if (!hasCode(error, 'EPERM')) throw error
    })
  }
  await chmod(directory, 0o700)
}
