import { access, chmod, constants, mkdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Surroundings } from './config/load.ts'
import { SettingError } from './config/load.ts'
import type { Slots } from './jobs/ports.ts'
import { jobPlaces } from './parts.ts'
import { missingCapabilities } from './process/capabilities.ts'
import { runCommand } from './process/command.ts'
import { UserSlots } from './process/slots.ts'
import { which } from './process/which.ts'
import { ownDirectory } from './util/own-directory.ts'

/** Who agents run as: users of their own, or, when what that takes is `missing`, the user agenticore runs as. */
export type Isolation =
  | { readonly kind: 'user'; readonly slots: UserSlots }
  | { readonly kind: 'none'; readonly slots: Slots; readonly missing: readonly string[] }

const machineSlots = '/run/agenticore/slots'
const sameUser: Slots = { acquire: async () => undefined }

/** @throws SettingError when `user` is forced and cannot be had */
export async function isolationFor(surroundings: Surroundings): Promise<Isolation> {
  const { agentIsolation } = surroundings.settings
  if (agentIsolation === 'none') return { kind: 'none', slots: sameUser, missing: [] }
  const { slots, missing } = await userSlots(surroundings)
  if (slots) missing.push(...(await outOfReach(surroundings, slots)))
  if (slots && missing.length === 0) return { kind: 'user', slots: slots.users }
  if (agentIsolation === 'auto') return { kind: 'none', slots: sameUser, missing }
  throw new SettingError(
    `AGENTICORE_AGENT_ISOLATION is "user", which cannot be had here: missing is ${missing.join(', ')}.`,
  )
}

/** Ends what an agent with a user of its own has left, whoever agents run as by now, as far as we may. */
export async function endLeftovers(surroundings: Surroundings, uid: number): Promise<void> {
  const { slots } = await userSlots(surroundings)
  await slots?.users.endLeftovers(uid)
}

interface SlotsHere {
  readonly users: UserSlots
  readonly uid: number
  readonly setpriv: string
}

/** Undefined when something is missing for it. */
async function userSlots({ settings, path }: Surroundings): Promise<{ slots?: SlotsHere; missing: string[] }> {
  const { agentUidBase: uid, worktreeRoot } = settings
  const setpriv = await which('setpriv', path)
  const missing = [
    ...(await missingCapabilities()).map(name => `the capability ${name}`),
    ...(setpriv === undefined ? ['setpriv (util-linux)'] : []),
  ]
  if (missing.length > 0 || setpriv === undefined) return { missing }
  const directory = await slotDirectory(worktreeRoot)
  return { slots: { users: new UserSlots({ directory, uidBase: uid, setpriv }), uid, setpriv }, missing }
}

/** One for the whole machine where we may, so that two installations do not take one user for two agents. */
async function slotDirectory(worktreeRoot: string): Promise<string> {
  try {
    await mkdir(machineSlots, { recursive: true, mode: 0o700 })
    await access(machineSlots, constants.W_OK)
    return machineSlots
  } catch {
    return join(worktreeRoot, '.slots')
  }
}

/** What an agent needs and a slot's user cannot get to. */
async function outOfReach(surroundings: Surroundings, user: { uid: number; setpriv: string }): Promise<string[]> {
  const { settings, path } = surroundings
  const { scratchRoot, jobFilesRoot } = jobPlaces(settings)
  const ours = [scratchRoot, jobFilesRoot]
  const places = [settings.worktreeRoot, ...ours]
  await mkdir(settings.worktreeRoot, { recursive: true, mode: 0o711 })
  // Those of our own making; the one that the user named is as open as the user wants it.
  for (const place of ours) {
    await ownDirectory(place, 0o711)
    await chmod(place, 0o711)
  }
  const claude = await which(settings.claudeBinary, path)
  const wanted = claude === undefined ? places : [...places, claude]
  const script = 'for place; do [ -x "$place" ] || printf "%s\\n" "$place"; done'
  const args = ['-c', script, 'sh', ...wanted]
  const { ok, stdout, stderr } = await runCommand({ file: 'sh', args, env: { PATH: path }, user })
  if (!ok) return [`a working setpriv (${stderr.trim()})`]
  const lines = stdout.split('\n').filter(Boolean)
  return lines.map(place => `a way for user ${user.uid} to ${place}`)
}

/** What agents of other users have no business in is closed to them, whoever made it, and with whatever umask. */
export async function closeToAgents({ home, settings }: Surroundings): Promise<void> {
  const { reposRoot, jobsDir, agentihooksHome, worktreeRoot } = settings
  for (const place of [join(home, '.agenticore'), reposRoot, jobsDir, agentihooksHome]) {
    const stats = await stat(place).catch(() => undefined)
    if (!stats || stats.uid !== process.getuid?.()) continue
    // Their trees may be in it.
    const mode = `${worktreeRoot}/`.startsWith(`${place}/`) ? 0o711 : 0o700
    if ((stats.mode & 0o777 & ~mode) !== 0) await chmod(place, mode)
  }
}
