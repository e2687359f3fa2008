import { createReadStream, createWriteStream } from 'node:fs'
import { lstat, mkdir, readdir, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { pipeline } from 'node:stream/promises'
import { lines } from '../process/lines.ts'
import { hasCode } from '../util/error-code.ts'
import { isRealDirectory } from '../util/real-directory.ts'
import type { Redact } from '../util/redact.ts'

const longestLook = 4 * 1024 * 1024
const longestLine = 16 * 1024 * 1024
const largest = 128 * 1024 * 1024

/**
 * Where Claude Code keeps a session under its configuration directory; undefined when there is none it could go on with:
 * one that was killed before its first turn has no transcript, or an empty one, and is refused by `--resume`.
 */
export async function transcriptOf(config: string, sessionId: string): Promise<string | undefined> {
  const projects = join(config, 'projects')
  // The agent may have put a link in the place of any of these.
  if (!(await isRealDirectory(config)) || !(await isRealDirectory(projects))) return undefined
  for (const project of await entries(projects)) {
    if (!(await isRealDirectory(join(projects, project)))) continue
    const path = join(projects, project, `${sessionId}.jsonl`)
    if ((await isPlainFile(path)) && (await hasUserLine(path))) return path
  }
  return undefined
}

/** Where Claude Code looks for a session of a run in `cwd`. */
export const transcriptPlace = (config: string, cwd: string, sessionId: string): string =>
  join(config, 'projects', cwd.replace(/[^A-Za-z0-9]/g, '-'), `${sessionId}.jsonl`)

/** @returns false when there is none. @throws Error for one that no conversation has made */
export async function copyTranscript(from: string, to: string, redact: Redact = text => text): Promise<boolean> {
  if (!(await isPlainFile(from))) return false
  await mkdir(dirname(to), { recursive: true, mode: 0o700 })
  const { size } = await lstat(from)
  if (size > largest) throw new Error(`it has ${size} bytes, more than ${largest}`)
  const temp = `${to}.${crypto.randomUUID()}.tmp`
  const target = createWriteStream(temp, { flags: 'wx', mode: 0o600 })
  try {
    await pipeline(redactedLines(from, redact), target)
    await rename(temp, to)
    return true
  } finally {
    await rm(temp, { force: true })
  }
}

/** An agent may have written it: no line is longer than what we can hold. */
async function* redactedLines(path: string, redact: Redact): AsyncGenerator<string> {
  for await (const line of lines(createReadStream(path), longestLine)) {
    if ('droppedBytes' in line) throw new Error(`it has a line of ${line.droppedBytes} characters`)
    yield `${redact(line.text)}\n`
  }
}

async function hasUserLine(path: string): Promise<boolean> {
  const stream = createReadStream(path, { end: longestLook })
  try {
    for await (const line of createInterface({ input: stream })) if (line.includes('"type":"user"')) return true
    return false
  } finally {
    stream.destroy()
  }
}

async function entries(directory: string): Promise<string[]> {
  try {
    return await readdir(directory)
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ENOTDIR', 'EACCES')) return []
    throw error
  }
}

async function isPlainFile(path: string): Promise<boolean> {
  try {
    return (await lstat(path)).isFile()
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ENOTDIR', 'EACCES')) return false
    throw error
  }
}
