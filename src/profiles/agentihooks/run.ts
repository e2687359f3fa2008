import { stripVTControlCharacters } from 'node:util'
import type { OtherUser } from '../../process/as-user.ts'
import { runCommand } from '../../process/command.ts'

/** Runs a program without a question and returns what it printed. @throws Error with the end of what it said */
export type Run = (file: string, args: readonly string[]) => Promise<string>

export interface RunOptions {
  readonly env: Readonly<Record<string, string>>
  /** For all of them together. */
  readonly signal: AbortSignal
  /** Who runs them, if not we. */
  readonly user?: OtherUser | undefined
}

const saidLines = 5

export function runnerOf({ env, signal, user }: RunOptions): Run {
  return async (file, args) => {
    const as = user ? { user } : {}
    const { ok, missing, stdout, stderr, exitCode } = await runCommand({ file, args, env, signal, ...as })
    if (ok) return stripVTControlCharacters(stdout)
    if (missing) throw new Error(`${file} is not there`)
    const said = stripVTControlCharacters(`${stdout}\n${stderr}`)
      .split('\n')
      .filter(line => line.trim() !== '')
    const end = said.slice(-saidLines).join(' | ') || 'nothing was said'
    throw new Error(`${file} ${args[0] ?? ''} ended with ${exitCode ?? 'a signal'}: ${end}`)
  }
}
