import { runCommand } from './command.ts'

/** Whether somebody on this machine, or in its directory service, has that number. */
export async function isAccount(uid: number): Promise<boolean> {
  const args = ['passwd', String(uid)]
  // 2: there is none. Without getent(1), as in a small container, there are no people either.
  return (await runCommand({ file: 'getent', args, env: { PATH: '/usr/bin:/bin' } })).ok
}
