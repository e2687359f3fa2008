import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, open, readFile, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { hasCode } from '../util/error-code.ts'

/** Whether packs are what they were when git made them. */

const hashBytes = 20
/** How long a pack that was read to the end is trusted, as long as it looks the same. */
const trustedMs = 86_400_000

export class DamagedPack extends Error {}

export const packDirectory = (gitDir: string): string => join(gitDir, 'objects/pack')

/** git finds a pack by its index, so that one comes last. */
export const filesOf = (name: string): string[] => [`${name}.pack`, `${name}.idx`]

/**
 * A look at the end of a pack each time, and once a day, or when its age or size is another, at all of it.
 * @throws DamagedPack
 */
export async function checkPack(gitDir: string, name: string): Promise<void> {
  await checkEnd(packDirectory(gitDir), name)
  const [seen, now] = [await lastChecked(gitDir, name), await looksOf(gitDir, name)]
  if (seen === now) return
  for (const file of filesOf(name)) await readToEnd(join(packDirectory(gitDir), file))
  await markChecked(gitDir, name)
}

/** For one that was made, or read to its end, a moment ago. */
export async function markChecked(gitDir: string, name: string): Promise<void> {
  try {
    await mkdir(dirname(noteOf(gitDir, name)), { recursive: true, mode: 0o700 })
    await writeFile(noteOf(gitDir, name), await looksOf(gitDir, name))
  } catch (error) {
    // Then it is read again the next time.
    if (!hasCode(error, 'ENOSPC', 'EDQUOT', 'EROFS', 'EACCES', 'EPERM', 'ENOENT')) throw error
  }
}

/**
 * Packs and their indexes end with the SHA-1 of all that stands before it.
 * @yields what comes in; @throws DamagedPack at its end
 */
export async function* verified(chunks: AsyncIterable<Buffer>, path: string): AsyncGenerator<Buffer> {
  const hash = createHash('sha1')
  let held = Buffer.alloc(0)
  for await (const chunk of chunks) {
    const bytes = Buffer.concat([held, chunk])
    const end = Math.max(0, bytes.length - hashBytes)
    hash.update(bytes.subarray(0, end))
    held = bytes.subarray(end)
    yield chunk
  }
  if (!hash.digest().equals(held)) throw new DamagedPack(`${path} is damaged`)
}

/** Read in large pieces: a repository's packs may have gigabytes. */
export const readPack = (path: string) => createReadStream(path, { highWaterMark: 1024 * 1024 })

async function readToEnd(path: string): Promise<void> {
  const nowhere = new Writable({ write: (_, __, done) => done() })
  await pipeline(readPack(path), (chunks: AsyncIterable<Buffer>) => verified(chunks, path), nowhere)
}

const noteOf = (gitDir: string, name: string): string => join(gitDir, 'checked', name)

async function lastChecked(gitDir: string, name: string): Promise<string | undefined> {
  try {
    const { mtimeMs } = await stat(noteOf(gitDir, name))
    return Date.now() - mtimeMs < trustedMs ? await readFile(noteOf(gitDir, name), 'utf8') : undefined
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ENOTDIR')) return undefined
    throw error
  }
}

async function looksOf(gitDir: string, name: string): Promise<string> {
  const stats = await Promise.all(filesOf(name).map(file => stat(join(packDirectory(gitDir), file))))
  return stats.map(({ size, mtimeMs }) => `${size} ${mtimeMs}`).join(' ')
}

/** A pack ends with its checksum, and its index with that and its own. */
async function checkEnd(directory: string, name: string): Promise<void> {
  const [pack, index] = await Promise.all(filesOf(name).map(file => lastBytes(join(directory, file), 2 * hashBytes)))
  const ofPack = pack?.subarray(hashBytes)
  if (ofPack?.length === hashBytes && index && ofPack.equals(index.subarray(0, hashBytes))) return
  throw new DamagedPack(`${join(directory, name)}.pack is damaged`)
}

async function lastBytes(path: string, count: number): Promise<Buffer> {
  const file = await open(path)
  try {
    const { size } = await file.stat()
    const { buffer, bytesRead } = await file.read(Buffer.alloc(count), 0, count, Math.max(0, size - count))
    return buffer.subarray(0, bytesRead)
  } finally {
    await file.close()
  }
}
