import { readdir, readFile } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { inBatches } from '../util/batches.ts'
import { hasCode } from '../util/error-code.ts'
import { markerVariable } from '../util/marker.ts'
import { threadsOf } from './threads.ts'

const roundMs = 20
const rounds = 250
/** How often in a row nothing is to be found: a child that was forked this moment has its parent's environment yet. */
const clearRounds = 2

/**
 * SIGKILLs every process whose environment carries the marker, again until a look at /proc finds none: a process may
 * fork while it is being looked for. A process that cleared its environment is not found here.
 * @param options.afterDeath when the process that started them was killed: then its last child may not be marked yet
 * @returns how many were killed. Only Linux has /proc; elsewhere this does nothing.
 * @throws Error that names some that are still there after 5 s
 */
export async function sweepMarked(marker: string, { afterDeath } = { afterDeath: false }): Promise<number> {
  const killed = new Set<number>()
  const enough = afterDeath ? clearRounds : 1
  let clear = 0
  for (let round = 0; round < rounds && clear < enough; round++) {
    if (round > 0) await delay(roundMs)
    const found = await markedProcesses(marker)
    clear = found.length === 0 ? clear + 1 : 0
    for (const { pid, started } of found) {
      // The number may be somebody else's by now.
      if ((await startOf(pid)) !== started) continue
      killed.add(pid)
      kill(pid)
    }
  }
  if (clear === enough) return killed.size
  const left = (await markedProcesses(marker)).slice(0, 5).map(({ pid }) => pid)
  throw new Error(`Processes of ${marker} cannot be ended (${left.join(', ')}): end them by hand`)
}

async function markedProcesses(marker: string): Promise<{ pid: number; started: string }[]> {
  const wanted = Buffer.from(`${markerVariable}=${marker}\0`)
  const pids = (await processIds()).filter(pid => pid !== process.pid)
  const marked = await inBatches(pids, async pid => {
    const started = await startOf(pid)
    return started !== undefined && (await environmentOf(pid)).includes(wanted) ? [{ pid, started }] : []
  })
  return marked.flat()
}

/** When it started, in the kernel's ticks: with its number, that names one process. Undefined for one that is gone. */
async function startOf(pid: number): Promise<string | undefined> {
  const stat = (await readIfThere(`/proc/${pid}/stat`)).toString('latin1')
  // The name, in brackets, can hold anything; what follows it begins with the third field.
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]
}

async function processIds(): Promise<number[]> {
  try {
    return (await readdir('/proc')).filter(name => /^\d+$/.test(name)).map(Number)
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return []
    throw error
  }
}

/** Empty for a process that is gone, a zombie, or not ours to look into. */
async function environmentOf(pid: number): Promise<Buffer> {
  const environment = await readIfThere(`/proc/${pid}/environ`)
  if (environment.length > 0) return environment
  // A process whose first thread has ended shows its environment in the others alone.
  const [other] = (await threadsOf(String(pid))).filter(thread => thread !== String(pid))
  return other === undefined ? environment : await readIfThere(`/proc/${pid}/task/${other}/environ`)
}

async function readIfThere(path: string): Promise<Buffer> {
  try {
    return await readFile(path)
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ESRCH', 'EACCES', 'EPERM')) return Buffer.alloc(0)
    throw error
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch (error) {
    if (!hasCode(error, 'ESRCH')) throw error
  }
}
