import type { ShellResult } from '../jobs/agent.ts'
import type { OtherUser } from '../process/as-user.ts'
import { type CommandResult, runCommand } from '../process/command.ts'
import type { Clock } from '../util/clock.ts'

export interface ShellCall {
  readonly command: string
  readonly env: Readonly<Record<string, string>>
  readonly cwd: string
  readonly user: OtherUser | undefined
  readonly seconds: number
  readonly clock: Clock
  readonly signal: AbortSignal
}

/** A command line by `sh`. Rejects only when `signal` aborts, with its reason. */
export async function runShell({ command, env, cwd, user, seconds, clock, signal }: ShellCall): Promise<ShellResult> {
  const late = new Error(`it took more than ${seconds} s`)
  const deadline = clock.deadline(seconds * 1000, late)
  try {
    const result = await runCommand({
      file: 'sh',
      // All on one stream, so that what it printed stands in the order it was printed in.
      args: ['-c', 'exec >&2; eval "$1"', 'sh', command],
      env,
      cwd,
      signal,
      limit: deadline.signal,
      ...(user === undefined ? {} : { user }),
    })
    const end = deadline.signal.aborted && !result.ok ? late.message : endOf(result)
    return { ok: result.ok, end, output: result.stderr }
  } finally {
    deadline.stop()
  }
}

function endOf({ notStarted, signal, exitCode }: CommandResult): string {
  if (notStarted !== undefined) return `it could not be started: ${notStarted}`
  return signal === undefined ? `exit code ${exitCode}` : `ended by ${signal}`
}
