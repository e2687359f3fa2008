/** A user that programs are started as, by number; it needs no entry anywhere. */
export interface OtherUser {
  readonly uid: number
  /** The path of setpriv(1). */
  readonly setpriv: string
}

interface Program {
  readonly file: string
  readonly args: readonly string[]
  readonly cwd?: string
}

/**
 * The same program under that UID and GID: no other groups, no capabilities, and no way to get any. It changes to its
 * directory itself, which may be closed to us.
 */
export function asUser(user: OtherUser | undefined, { file, args, cwd = '/' }: Program): Program {
  if (!user) return { file, args, cwd }
  const id = String(user.uid)
  const drop = ['--clear-groups', '--no-new-privs', '--inh-caps=-all', '--ambient-caps=-all', '--bounding-set=-all']
  const program = ['env', `--chdir=${cwd}`, file, ...args]
  return { file: user.setpriv, args: ['--reuid', id, '--regid', id, ...drop, '--', ...program], cwd: '/' }
}
