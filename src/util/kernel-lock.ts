import { hasCode } from './error-code.ts'

const busy = 5
const cannotOpen = 14

export interface KernelLock {
  release(): void
}

/**
 * Takes the lock on a file, which the kernel gives back when this process is gone, SIGKILL included, however long it
 * slept before; undefined when somebody holds it. SQLite's lock on a whole database is used for that: Node has no other
 * way to ask the kernel for one.
 * @throws when the file cannot be made
 */
export async function tryKernelLock(path: string): Promise<KernelLock | undefined> {
  const { DatabaseSync } = await import('node:sqlite')
  const database = new DatabaseSync(path, { open: false, timeout: 0 })
  try {
    database.open()
    database.exec('BEGIN EXCLUSIVE')
    return { release: () => database.close() }
  } catch (error) {
    if (database.isOpen) database.close()
    if (isSqlite(error, busy)) return undefined
    throw error
  }
}

/** True when the directory the lock was to be in is gone. */
export const isLockGone = (error: unknown): boolean => isSqlite(error, cannotOpen)

const isSqlite = (error: unknown, code: number): boolean =>
  hasCode(error, 'ERR_SQLITE_ERROR') && error instanceof Error && 'errcode' in error && error.errcode === code
