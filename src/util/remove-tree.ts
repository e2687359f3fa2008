import { chmod, lchown, rename, rm, rmdir, unlink } from 'node:fs/promises'
import { hasCode } from './error-code.ts'
import { isRealDirectory } from './real-directory.ts'
import { entriesOf, inside, walk } from './walk.ts'

const mostTries = 5

/** Removes a directory and all in it, made read-only (as Go's module cache is) or deeper than any path can say. */
export async function removeTree(path: string): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      if (!(await isRealDirectory(path))) return await rm(path, { force: true })
      await walk(path, 'after', (inner, entry) => (entry.isDirectory() ? rmdir(inner) : unlink(inner)))
      return await rmdir(path)
    } catch (error) {
      // Somebody else is removing it, or still putting something there.
      if (hasCode(error, 'ENOENT') && tries < mostTries) continue
      if (!hasCode(error, 'EACCES', 'EPERM', 'ENOTEMPTY', 'ENAMETOOLONG')) throw error
    }
    return await removeFlat(path)
  }
}

/** What is two levels deep is moved up, again and again, until there is nothing left: no path gets long. */
async function removeFlat(top: string): Promise<void> {
  try {
    await makeOurs(top)
    for (let entries = await entriesOf(top); entries.length > 0; entries = await entriesOf(top)) {
      for (const entry of entries) {
        const path = inside(top, entry.name)
        await (entry.isDirectory() ? removeOneLevel(top, path) : unlink(path))
      }
    }
    await rmdir(top)
  } catch (error) {
    // Somebody else is removing it, too.
    if (!hasCode(error, 'ENOENT')) throw error
  }
}

async function removeOneLevel(top: string, directory: Buffer): Promise<void> {
  await makeOurs(directory)
  for (const entry of await entriesOf(directory)) {
    const deep = inside(directory, entry.name)
    if (!entry.isDirectory()) {
      await unlink(deep)
      continue
    }
    // A directory that is moved is written to: it has a new parent.
    await makeOurs(deep)
    await rename(deep, inside(top, Buffer.from(crypto.randomUUID())))
  }
  await rmdir(directory)
}

async function makeOurs(directory: string | Buffer): Promise<void> {
  const [uid, gid] = [process.getuid?.(), process.getgid?.()]
  if (uid !== undefined && gid !== undefined) {
    await lchown(directory, uid, gid).catch((error: unknown) => {
      if (!hasCode(error, 'EPERM')) throw error
    })
  }
  await chmod(directory, 0o700)
}
