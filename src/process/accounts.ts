import { runCommand } from './command.ts'

/** How the image names the users that agents run as, so that programs which ask who they are get an answer. */
const slotName = /^agenticore-slot-\d+:/

/** Whether somebody on this machine, or in its directory service, has that number. */
export async function isAccount(uid: number): Promise<boolean> {
  const args = ['passwd', String(uid)]
  // 2: there is none. Without getent(1), as in a small container, there are no people either.
  const { ok, stdout } = await runCommand({ file: 'getent', args, env: { PATH: '/usr/bin:/bin' } })
  return ok && !slotName.test(stdout)
}
