import { lstat, readdir, readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inBatches } from '../util/batches.ts'
import { hasCode } from '../util/error-code.ts'
import { removeTree } from '../util/remove-tree.ts'
import type { OtherUser } from './as-user.ts'
import { runCommand } from './command.ts'
import { takeTree } from './ownership.ts'

/** Where every user of a machine may leave files. */
const commonPlaces = ['/tmp', '/var/tmp', '/dev/shm']

/** Tables of /proc/sysvipc, with the option of ipcrm(1) for what is in them. */
const tables = { shm: '-m', sem: '-s', msg: '-q' }

/**
 * Removes what a user without processes has left where the next one under that UID would find it, and could have been led
 * to: files in the machine's common places, and System V's shared memory, semaphores and queues.
 */
export async function removeLeavings(user: OtherUser): Promise<void> {
  for (const place of new Set([...commonPlaces, tmpdir()])) await removeFiles(place, user.uid)
  for (const [table, option] of Object.entries(tables)) {
    const args = (await sharedBy(table, user.uid)).flatMap(id => [option, id])
    if (args.length > 0) await runCommand({ file: 'ipcrm', args, env: { PATH: '/usr/bin:/bin' }, user })
  }
}

async function removeFiles(place: string, uid: number): Promise<void> {
  const theirs = await inBatches(await namesIn(place), async name => {
    const stats = await lstat(join(place, name)).catch(() => undefined)
    return stats?.uid === uid ? [join(place, name)] : []
  })
  for (const path of theirs.flat()) {
    // A common place lets nobody but its owner remove a file.
    await takeTree(path)
    await removeTree(path)
  }
}

async function namesIn(place: string): Promise<string[]> {
  try {
    return await readdir(place)
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ENOTDIR', 'EACCES')) return []
    throw error
  }
}

/** Numbers of what a user owns in a table: `key id perms …`, with the columns named in its first line. */
async function sharedBy(table: string, uid: number): Promise<string[]> {
  const text = await readFile(`/proc/sysvipc/${table}`, 'utf8').catch(() => '')
  const [head = '', ...rows] = text.trim().split('\n')
  const column = columns(head).indexOf('uid')
  return rows.flatMap(row => {
    const fields = columns(row)
    return column > 0 && fields[column] === String(uid) ? (fields[1] ?? []) : []
  })
}

const columns = (row: string): string[] => row.trim().split(/\s+/)
