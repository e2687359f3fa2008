import { createReadStream } from 'node:fs'
import { lstat, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { hasCode } from '../util/error-code.ts'

const longestLook = 4 * 1024 * 1024

/**
 * Where Claude Code keeps a session under its configuration directory; undefined when there is none it could go on with:
 * one that was killed before its first turn has no transcript, or an empty one, and is refused by `--resume`.
 */
export async function transcriptOf(config: string, sessionId: string): Promise<string | undefined> {
  const projects = join(config, 'projects')
  for (const project of await entries(projects)) {
    const path = join(projects, project, `${sessionId}.jsonl`)
    if ((await isPlainFile(path)) && (await hasUserLine(path))) return path
  }
  return undefined
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
