import { access, constants, lstat, mkdir, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { AgenticoreError } from './jobs/errors.ts'
import { setForeignAside } from './repos/bare-repository.ts'
import { syncDirectory } from './util/durable.ts'
import { hasCode, messageOf } from './util/error-code.ts'

/** The composition root's part for the volume that pods share. Its layout: CONTRACTS.md, Files. */

export interface SharedPlaces {
  readonly root: string
  readonly reposRoot: string
  readonly jobsDir: string
}

/** What was found or done, place by place. */
export type LaidOut =
  | { readonly place: string; readonly was: 'made' | 'there' }
  | { readonly place: string; readonly was: 'moved aside'; readonly to: string }

interface Wanted {
  readonly place: string
  readonly mode: number
}

/** What agents have to get through, and no more: their own job is in `jobs`, their profiles are copied. */
const directories = ({ root, reposRoot, jobsDir }: SharedPlaces): Wanted[] => [
  { place: join(root, 'profiles'), mode: 0o755 },
  { place: reposRoot, mode: 0o711 },
  { place: join(root, 'jobs'), mode: 0o711 },
  { place: jobsDir, mode: 0o700 },
  { place: join(jobsDir, 'active'), mode: 0o700 },
]

/**
 * Makes what is missing; what is there stays as it is, but for caches of somebody else's making, which are moved aside.
 * Nothing is deleted, and any number may do it at once.
 * @throws AgenticoreError `shared_fs_unusable`
 */
export async function layOut(places: SharedPlaces): Promise<LaidOut[]> {
  const laid: LaidOut[] = []
  for (const wanted of directories(places)) laid.push(await directory(wanted))
  for (const place of await caches(places.reposRoot)) {
    const to = await usable(place, () => setForeignAside(place))
    if (to !== undefined) laid.push({ place: join(place, 'repo'), was: 'moved aside', to })
  }
  return laid
}

async function directory({ place, mode }: Wanted): Promise<LaidOut> {
  const made = await usable(place, () => mkdir(place, { recursive: true, mode }))
  if (made !== undefined) {
    await usable(place, () => syncDirectory(join(place, '..')))
    return { place, was: 'made' }
  }
  // An empty path of links ends here, too: whoever put them there knows where they lead.
  await usable(place, () => access(place, constants.R_OK | constants.W_OK | constants.X_OK))
  return { place, was: 'there' }
}

/** `{root}/{hash}`: other names are nobody's cache. */
async function caches(root: string): Promise<string[]> {
  const names = await usable(root, () => readdir(root))
  return names.filter(name => /^[0-9a-f]{12}$/.test(name)).map(name => join(root, name))
}

async function usable<T>(place: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    const uid = process.getuid?.()
    const owner = await lstat(place).catch(() => undefined)
    const whose = owner && uid !== undefined && owner.uid !== uid ? ` It belongs to user ${owner.uid}.` : ''
    const who = uid === undefined ? '' : ` as user ${uid}`
    const why = hasCode(error, 'EEXIST', 'ENOTDIR') ? 'there is something else in its place' : messageOf(error)
    throw new AgenticoreError('shared_fs_unusable', `${place} cannot be used${who}: ${why}.${whose}`, { cause: error })
  }
}
