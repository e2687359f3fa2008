import { hasCode } from '../util/error-code.ts'

/** Signals a program that was started in a session of its own, and all it started that is still in it. */
export function signalGroup(pid: number | undefined, signal: NodeJS.Signals): void {
  if (pid === undefined) return
  try {
    process.kill(-pid, signal)
  } catch (error) {
    if (!hasCode(error, 'ESRCH')) throw error
  }
}
