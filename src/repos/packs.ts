import { createWriteStream } from 'node:fs'
import { link, mkdir, readdir, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { inBatches } from '../util/batches.ts'
import { copyContents } from '../util/copy.ts'
import { hasCode } from '../util/error-code.ts'
import { checkPack, filesOf, markChecked, packDirectory, readPack, verified } from './pack-check.ts'

/** git's packs as immutable files: named by their content, copied from tier to tier, never changed. */

const packName = /^pack-[0-9a-f]{40}$/

/** Names of the packs that are complete, without an ending. */
export async function packsIn(gitDir: string): Promise<string[]> {
  const names = new Set(await namesIn(packDirectory(gitDir)))
  return [...names].flatMap(name => {
    const pack = name.endsWith('.idx') ? name.slice(0, -'.idx'.length) : ''
    return packName.test(pack) && names.has(`${pack}.pack`) ? [pack] : []
  })
}

/** @returns how many bytes all packs have */
export async function packedBytes(gitDir: string): Promise<number> {
  const directory = packDirectory(gitDir)
  const sizes = (await namesIn(directory)).map(async name => (await stat(join(directory, name))).size)
  const settled = await Promise.allSettled(sizes)
  return settled.reduce((sum, size) => sum + (size.status === 'fulfilled' ? size.value : 0), 0)
}

/**
 * Copies the packs of one repository that another does not have.
 * @returns how many there were
 * @throws DamagedPack for one whose content is not what its last 20 bytes say
 */
export async function copyPacks(from: string, to: string): Promise<number> {
  const there = new Set(await packsIn(to))
  const missing = (await packsIn(from)).filter(name => !there.has(name))
  for (const name of missing) {
    await copyPack(from, to, name)
    await markChecked(to, name)
  }
  return missing.length
}

/**
 * Gives object directories every pack, as a link where it is on the same disk, else as a copy: from then on it does not
 * matter what becomes of the original.
 * @throws DamagedPack
 */
export async function linkPacks(gitDir: string, targets: readonly string[]): Promise<void> {
  const directories = targets.map(objects => join(objects, 'pack'))
  for (const target of directories) await mkdir(target, { recursive: true, mode: 0o700 })
  await inBatches(await packsIn(gitDir), async name => {
    await checkPack(gitDir, name)
    for (const target of directories) {
      for (const file of filesOf(name)) await linkOrCopy(join(packDirectory(gitDir), file), join(target, file))
    }
  })
}

/** Gives a repository the packs of another, which loses them. Both are on one disk. */
export async function movePacks(from: string, to: string): Promise<void> {
  for (const name of await packsIn(from)) {
    for (const file of filesOf(name)) await rename(join(packDirectory(from), file), join(packDirectory(to), file))
    await markChecked(to, name)
  }
}

/** The same file under another name; a copy where that is on another disk. */
export async function linkOrCopy(from: string, to: string): Promise<void> {
  try {
    await link(from, to)
  } catch (error) {
    if (hasCode(error, 'EEXIST')) return
    if (!hasCode(error, 'EXDEV', 'EPERM', 'EMLINK', 'ENOTSUP')) throw error
    await copyContents(from, to)
  }
}

export async function removePacks(gitDir: string, names: readonly string[]): Promise<void> {
  for (const name of names) {
    // The index first: without it git does not look for the pack.
    for (const file of filesOf(name).toReversed()) await rm(join(packDirectory(gitDir), file), { force: true })
  }
}

async function copyPack(from: string, to: string, name: string): Promise<void> {
  for (const file of filesOf(name)) {
    // Beside the repository, where upkeep looks for what a process that was killed has left.
    const temp = `${to}.${crypto.randomUUID()}.tmp`
    try {
      await copyChecked(join(packDirectory(from), file), temp)
      await rename(temp, join(packDirectory(to), file))
    } finally {
      await rm(temp, { force: true })
    }
  }
}

async function copyChecked(from: string, to: string): Promise<void> {
  const written = createWriteStream(to, { flags: 'wx', mode: 0o444, flush: true })
  await pipeline(readPack(from), (chunks: AsyncIterable<Buffer>) => verified(chunks, from), written)
}

async function namesIn(directory: string): Promise<string[]> {
  try {
    return await readdir(directory)
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ENOTDIR')) return []
    throw error
  }
}
