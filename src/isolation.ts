import { access, chmod, constants, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Surroundings } from './config/load.ts'
import { SettingError } from './config/load.ts'
import type { Slots } from './jobs/ports.ts'
import { jobPlaces } from './parts.ts'
import { missingCapabilities } from './process/capabilities.ts'
import { runCommand } from './process/command.ts'
import { UserSlots } from './process/slots.ts'
import { which } from './process/which.ts'

/** Who agents run as: users of their own, or, when what that takes is `missing`, the user agenticore runs as. */
export type Isolation =
  | { readonly kind: 'user'; readonly slots: UserSlots }
  | { readonly kind: 'none'; readonly slots: Slots; readonly missing: readonly string[] }

const machineSlots = '/run/agenticore/slots'
const sameUser: Slots = { acquire: async () => undefined }

/** @throws SettingError when `user` is forced and cannot be had */
export async function isolationFor(surroundings: Surroundings): Promise<Isolation> {
  const { agentIsolation, agentUidBase: uidBase, worktreeRoot } = surroundings.settings
  if (agentIsolation === 'none') return { kind: 'none', slots: sameUser, missing: [] }
  const setpriv = await which('setpriv', surroundings.path)
  const missing = [
    ...(await missingCapabilities()).map(name => `the capability ${name}`),
    ...(setpriv === undefined ? ['setpriv (util-linux)'] : []),
  ]
  if (missing.length === 0 && setpriv !== undefined) {
    missing.push(...(await outOfReach(surroundings, { uid: uidBase, setpriv })))
    const directory = await slotDirectory(worktreeRoot)
    if (missing.length === 0) return { kind: 'user', slots: new UserSlots({ directory, uidBase, setpriv }) }
  }
  if (agentIsolation === 'auto') return { kind: 'none', slots: sameUser, missing }
  throw new SettingError(
    `AGENTICORE_AGENT_ISOLATION is "user", which cannot be had here: missing is ${missing.join(', ')}.`,
  )
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
  for (const place of places) await mkdir(place, { recursive: true, mode: 0o711 })
  // Those of our own making; one that the user named is as open as the user wants it.
  for (const place of ours) await chmod(place, 0o711)
  const claude = await which(settings.claudeBinary, path)
  const wanted = claude === undefined ? places : [...places, claude]
  const script = 'for place; do [ -x "$place" ] || printf "%s\\n" "$place"; done'
  const args = ['-c', script, 'sh', ...wanted]
  const { ok, stdout, stderr } = await runCommand({ file: 'sh', args, env: { PATH: path }, user })
  if (!ok) return [`a working setpriv (${stderr.trim()})`]
  const lines = stdout.split('\n').filter(Boolean)
  return lines.map(place => `a way for user ${user.uid} to ${place}`)
}
