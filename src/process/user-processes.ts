import { readdir, readFile } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { inBatches } from '../util/batches.ts'
import { hasCode } from '../util/error-code.ts'
import type { OtherUser } from './as-user.ts'
import { runCommand } from './command.ts'
import { threadsOf } from './threads.ts'

const roundMs = 20
const rounds = 250

/**
 * SIGKILLs every process of a user, until /proc shows none. First by that user itself, with one signal to all it may
 * signal: the kernel walks them in one go, so that one that forks all the time does not get away. That takes a process of
 * our own; where there is no room for one any more, they are stopped one by one until none is left to fork, and killed.
 * @throws Error that names some that are still there after 5 s
 */
export async function endUser(user: OtherUser): Promise<void> {
  if (user.uid === 0 || user.uid === process.getuid?.()) throw new Error(`User ${user.uid} is no slot's`)
  for (let round = 0; round < rounds; round++) {
    if (!(await hasProcesses(user.uid))) return
    const killed = await runCommand({ file: 'sh', args: ['-c', 'kill -KILL -1'], env: { PATH: '/usr/bin:/bin' }, user })
    if (!killed.ok) await stopAndKill(user.uid)
    await delay(roundMs)
  }
  const left = (await processesOf(user.uid)).slice(0, 5).join(', ')
  throw new Error(`Processes of user ${user.uid} cannot be ended (${left}): end them, or restart the machine`)
}

export const hasProcesses = async (uid: number): Promise<boolean> => (await processesOf(uid)).length > 0

async function stopAndKill(uid: number): Promise<void> {
  const stopped = new Set<number>()
  for (;;) {
    const fresh = (await processesOf(uid)).filter(pid => !stopped.has(pid))
    if (fresh.length === 0) break
    for (const pid of fresh) {
      signal(pid, 'SIGSTOP')
      stopped.add(pid)
    }
  }
  for (const pid of stopped) signal(pid, 'SIGKILL')
}

function signal(pid: number, name: 'SIGSTOP' | 'SIGKILL'): void {
  try {
    process.kill(pid, name)
  } catch (error) {
    if (!hasCode(error, 'ESRCH')) throw error
  }
}

/** What runs under that UID. Asked of `status`: the owner of a directory in /proc can be made to look like root. */
async function processesOf(uid: number): Promise<number[]> {
  const pids = (await readdir('/proc')).filter(name => /^\d+$/.test(name))
  const running = await inBatches(pids, async pid => ((await isRunning(pid, uid)) ? [Number(pid)] : []))
  return running.flat()
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
