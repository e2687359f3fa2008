import { lstat, mkdir, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { isRealDirectory } from '../util/real-directory.ts'
import { linkOrCopy } from './packs.ts'

/**
 * Gives us what an agent has put into its tree's repository: every loose object and every pack, as links. Files alone are
 * taken, and by their names: no link is followed, and where else the agent's repository says that objects are (its
 * `info/alternates`) is not read. git follows both, with our rights instead of the agent's.
 * @param to an object directory of ours
 */
export async function takeObjects(tree: string, to: string): Promise<void> {
  const from = join(tree, '.git/objects')
  if (!(await isRealDirectory(join(tree, '.git'))) || !(await isRealDirectory(from))) return
  for (const name of await readdir(from)) {
    if (/^[0-9a-f]{2}$/.test(name)) await takeFiles(join(from, name), join(to, name), /^[0-9a-f]{38}$/)
  }
  await takeFiles(join(from, 'pack'), join(to, 'pack'), /^pack-[0-9a-f]{40}\.(pack|idx)$/)
}

async function takeFiles(from: string, to: string, wanted: RegExp): Promise<void> {
  if (!(await isRealDirectory(from))) return
  await mkdir(to, { recursive: true, mode: 0o700 })
  for (const name of (await readdir(from)).filter(each => wanted.test(each))) {
    if ((await lstat(join(from, name))).isFile()) await linkOrCopy(join(from, name), join(to, name))
  }
}
