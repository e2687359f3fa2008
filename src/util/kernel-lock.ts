import { pathToFileURL } from 'node:url'
import { hasCode } from './error-code.ts'

const busy = 5
const cannotOpen = 14
const ioError = 10
const noDatabase = 26

/** Nothing is ever written, so nothing is to be rolled back: no second file. */
const lockStatement = 'PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE'

export interface KernelLock {
  release(): void
}

/**
 * Takes the lock on a file, which the kernel gives back when this process is gone, SIGKILL included, however long it
 * slept before; undefined when somebody holds it. SQLite's lock on a whole database is used for that: Node has no other
 * way to ask the kernel for one.
 * @param options.create whether the file is made where there is none; otherwise that is an error
 * @throws when the file cannot be had; `isLockGone` tells when it, or its directory, is not there
 */
export async function tryKernelLock(path: string, { create } = { create: true }): Promise<KernelLock | undefined> {
  const { DatabaseSync } = await import('node:sqlite')
  const url = pathToFileURL(path)
  url.searchParams.set('mode', create ? 'rwc' : 'rw')
  const database = new DatabaseSync(url, { open: false, timeout: 0 })
  try {
    database.open()
    database.exec(lockStatement)
    return { release: () => database.close() }
  } catch (error) {
    if (database.isOpen) database.close()
    if (codeOf(error) === busy) return undefined
    throw error
  }
}

/**
 * What a Node of its own is given to run to try the same lock; it prints `taken` or `refused`. Within one process SQLite
 * does not ask the kernel: it knows of the first lock by itself.
 */
export const otherProcessArgs = (path: string): string[] => ['--input-type=module', '-e', program, '--', path]

const program = `
const { DatabaseSync } = process.getBuiltinModule('node:sqlite')
const database = new DatabaseSync(process.argv[1], { timeout: 0 })
try {
  database.exec(${JSON.stringify(lockStatement)})
  console.log('taken')
} catch (error) {
  if ((error.errcode & 0xff) !== ${busy}) throw error
  console.log('refused')
}`

/** True for a file that was not there, or went away while it was being opened. */
export const isLockGone = (error: unknown): boolean => [cannotOpen, ioError].includes(codeOf(error) ?? 0)

/** True for a file that is something else. */
export const isNoLock = (error: unknown): boolean => codeOf(error) === noDatabase

/** SQLite's primary code; what is above the lowest byte only says more. */
function codeOf(error: unknown): number | undefined {
  if (!hasCode(error, 'ERR_SQLITE_ERROR') || !(error instanceof Error) || !('errcode' in error)) return undefined
  return typeof error.errcode === 'number' ? error.errcode & 0xff : undefined
}
