import { readdir, readFile } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { hasCode } from '../util/error-code.ts'
import type { OtherUser } from './as-user.ts'
import { runCommand } from './command.ts'
import { threadsOf } from './threads.ts'

const roundMs = 20
const rounds = 250

/**
 * SIGKILLs every process of a user, until /proc shows none. The kill is sent by that user itself to all it may signal:
 * the kernel walks them in one go, so that a process that forks all the time does not get away.
 * @throws when some are still there after 5 s
 */
export async function endUser(user: OtherUser): Promise<void> {
  if (user.uid === 0 || user.uid === process.getuid?.()) throw new Error(`User ${user.uid} is no slot's`)
  for (let round = 0; round < rounds; round++) {
    if (!(await hasProcesses(user.uid))) return
    await runCommand({ file: 'sh', args: ['-c', 'kill -KILL -1'], env: { PATH: '/usr/bin:/bin' }, user })
    await delay(roundMs)
  }
  throw new Error(`Processes of user ${user.uid} cannot be ended`)
}

/** Whether anything runs under that UID. Asked of `status`: the owner of a directory in /proc can be made to look like root. */
export async function hasProcesses(uid: number): Promise<boolean> {
  const pids = (await readdir('/proc')).filter(name => /^\d+$/.test(name))
  const found = await Promise.all(pids.map(pid => isRunning(pid, uid)))
  return found.includes(true)
}

/** A zombie holds nothing but its number, unless it is only the first of several threads that has ended. */
async function isRunning(pid: string, uid: number): Promise<boolean> {
  const status = await statusOf(pid)
  const uids = /^Uid:\s*(.*)$/m.exec(status)?.[1]?.split('\t') ?? []
  if (!uids.includes(String(uid))) return false
  return !/^State:\s*[ZX]/m.test(status) || (await threadsOf(pid)).length > 1
}

/** Empty for a process that is gone. */
async function statusOf(pid: string): Promise<string> {
  try {
    return await readFile(`/proc/${pid}/status`, 'utf8')
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ESRCH')) return ''
    throw error
  }
}
