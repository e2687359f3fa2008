import { existsSync } from 'node:fs'
import { ambientCapabilities } from './capabilities.ts'

/** A user that programs are started as, by number; it needs no entry anywhere. */
export interface OtherUser {
  readonly uid: number
  /** The path of setpriv(1). */
  readonly setpriv: string
}

export interface Program {
  readonly file: string
  readonly args: readonly string[]
  readonly cwd?: string
}

/**
 * The same program under that UID and GID: no other groups, no capabilities, and no way to get any. It changes to its
 * directory itself, which may be closed to us.
 */
export function asUser(user: OtherUser | undefined, { file, args, cwd = '/' }: Program): Program {
  if (!user) return asWe({ file, args, cwd })
  const id = String(user.uid)
  const drop = ['--clear-groups', '--no-new-privs', '--inh-caps=-all', '--ambient-caps=-all', '--bounding-set=-all']
  const program = ['env', `--chdir=${cwd}`, file, ...args]
  return { file: user.setpriv, args: ['--reuid', id, '--regid', id, ...drop, '--', ...program], cwd: '/' }
}

/** What hands on our own rights to no program: those are for starting and ending agents. */
const withoutRights = ['--inh-caps=-all', '--ambient-caps=-all', '--']
const setprivs = ['/usr/bin/setpriv', '/bin/setpriv']
let setpriv: string | undefined | 'not looked for' = 'not looked for'

/** Only ambient capabilities are handed on to whatever is started; where we have none, nothing is in between. */
function asWe(program: Program): Program {
  if (setpriv === 'not looked for') {
    setpriv = ambientCapabilities() === 0n ? undefined : setprivs.find(path => existsSync(path))
  }
  if (setpriv === undefined) return program
  return { ...program, file: setpriv, args: [...withoutRights, program.file, ...program.args] }
}

interface Ended {
  readonly code?: string | undefined
  readonly exitCode?: number | undefined
}

/** Whether a program was not there: setpriv(1) is started, whatever it was to start. */
export const isMissing = ({ code, exitCode }: Ended, stderr: string): boolean =>
  code === 'ENOENT' || (exitCode === 127 && /^setpriv: failed to execute /.test(stderr))
