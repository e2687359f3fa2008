import { readdir } from 'node:fs/promises'
import { hasCode } from '../util/error-code.ts'

/** The numbers of a process's threads that there are; none for a process that is gone. */
export async function threadsOf(pid: string): Promise<string[]> {
  try {
    return await readdir(`/proc/${pid}/task`)
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ESRCH', 'EACCES', 'EPERM')) return []
    throw error
  }
}
