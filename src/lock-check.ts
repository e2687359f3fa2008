import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Finding } from './doctor.ts'
import { runCommand } from './process/command.ts'
import { messageOf } from './util/error-code.ts'
import { otherProcessArgs, tryKernelLock } from './util/kernel-lock.ts'

/**
 * A lock on a file, and another process that tries it: that one has to be refused, which some network file systems do not
 * do.
 * @param seenAs the name under which the other process finds the file
 */
export async function examineLocks(directory: string, seenAs = (path: string): string => path): Promise<Finding> {
  const check = 'locks'
  const remedy = 'Put AGENTICORE_JOBS_DIR on a local disk.'
  const path = join(directory, `.lock-${crypto.randomUUID()}`)
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 })
    const lock = await tryKernelLock(path)
    const other = await tryElsewhere(seenAs(path)).finally(() => lock?.release())
    return lock && other === 'refused'
      ? { check, status: 'ok', message: 'kept by the kernel' }
      : { check, status: 'error', message: `the file system of ${directory} keeps no locks`, remedy }
  } catch (error) {
    return { check, status: 'error', message: messageOf(error), remedy }
  } finally {
    await rm(path, { force: true })
  }
}

/** @throws Error when the other process can tell nothing */
async function tryElsewhere(path: string): Promise<'taken' | 'refused'> {
  const { stdout, stderr } = await runCommand({ file: process.execPath, args: otherProcessArgs(path), env: {} })
  const answer = stdout.trim()
  if (answer === 'taken' || answer === 'refused') return answer
  throw new Error(`another process could not try a lock on ${path}: ${stderr.trim().slice(-500)}`)
}
