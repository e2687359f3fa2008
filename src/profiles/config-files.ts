import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { hasCode, messageOf } from '../util/error-code.ts'
import { readableServersIn, type Servers, serversIn } from './mcp.ts'
import { isFields, mergeSettings } from './merge.ts'
import { invalidProfile } from './read.ts'
import { checkSettings } from './settings.ts'

type Fields = Readonly<Record<string, unknown>>

/** What the directories of a chain have for Claude Code, beside `profile.yml`, merged. */
export interface ConfigFiles {
  /** `.claude/settings.json` and `settings.local.json` */
  readonly settings: Fields
  /** `.mcp.json`, as it is written: what is to be filled in is not. */
  readonly servers: Servers
  /** `CLAUDE.md`, the base first. */
  readonly memory: string
  /** Names in `.claude/` that are taken as they are, such as `skills`. */
  readonly others: readonly string[]
}

/** Files of `.claude/` that are merged by rules of their own; every other one is taken as it is. */
const mergedFiles = ['settings.json', 'settings.local.json', 'CLAUDE.md', '.mcp.json']
/** What is Claude Code's own, in a copy of somebody's `~/.claude`: conversations, and a person's credentials. */
const notForJobs = ['projects', '.credentials.json']

/**
 * @param directories the base first
 * @param repository an `.mcp.json` of the repository, which all of them are laid over
 * @throws AgenticoreError `invalid_profile`
 */
export async function readConfigFiles(directories: readonly string[], repository?: string): Promise<ConfigFiles> {
  const others = await Promise.all(directories.map(otherFiles))
  return {
    settings: await mergedSettings(directories),
    servers: await mergedServers(directories, await theirServers(repository)),
    memory: await mergedMemory(directories),
    others: [...new Set(others.flat())].sort(),
  }
}

/** Names of what a directory's `.claude/` has beside the files that are merged. */
export async function otherFiles(directory: string): Promise<string[]> {
  return (await entriesOf(join(directory, '.claude'))).filter(
    name => !mergedFiles.includes(name) && !notForJobs.includes(name),
  )
}

/** As Claude Code has it in a project: what is local counts more. */
const settingsIn = (directory: string): string[] =>
  ['settings.json', 'settings.local.json'].map(name => join(directory, name))

async function mergedSettings(directories: readonly string[]): Promise<Fields> {
  let merged: Fields = {}
  for (const path of directories.flatMap(directory => settingsIn(join(directory, '.claude')))) {
    const found = await readJson(path)
    if (found) checkSettings(found, path)
    merged = mergeSettings(merged, found ?? {})
  }
  return merged
}

/** A profile has it in `.claude/` or beside it. */
async function mergedMemory(directories: readonly string[]): Promise<string> {
  const paths = directories.flatMap(directory => [join(directory, 'CLAUDE.md'), join(directory, '.claude/CLAUDE.md')])
  const texts = (await Promise.all(paths.map(readOptional))).map(text => (text ?? '').trim())
  // What agentihooks installed for everybody is often one of its profiles word for word.
  const said = texts.filter((text, index) => text !== '' && !texts.slice(0, index).some(base => base.includes(text)))
  return said.map(text => `${text}\n`).join('\n')
}

/** Of two with one name the later one counts; null takes away what a parent brought. */
async function mergedServers(directories: readonly string[], theirs: Servers): Promise<Servers> {
  const merged = new Map(Object.entries(theirs))
  for (const path of directories.flatMap(each => [join(each, '.mcp.json'), join(each, '.claude/.mcp.json')])) {
    const found = await readJson(path)
    for (const [name, server] of found ? serversIn(found, path) : []) {
      if (server === null) merged.delete(name)
      else merged.set(name, { server, path })
    }
  }
  return Object.fromEntries(merged)
}

/** What cannot be read in somebody else's file is left out. */
async function theirServers(path: string | undefined): Promise<Servers> {
  const found = path === undefined ? undefined : await readJson(path).catch(() => undefined)
  if (path === undefined || found === undefined) return {}
  return Object.fromEntries(readableServersIn(found).map(([name, server]) => [name, { server, path }]))
}

export async function entriesOf(directory: string): Promise<string[]> {
  try {
    return await readdir(directory)
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ENOTDIR')) return []
    throw error
  }
}

/** @throws AgenticoreError `invalid_profile` */
async function readJson(path: string): Promise<Readonly<Record<string, unknown>> | undefined> {
  const text = await readOptional(path)
  if (text === undefined) return undefined
  try {
    const value: unknown = JSON.parse(text)
    if (isFields(value)) return value
  } catch (error) {
    throw invalidProfile(path, `it is no JSON (${messageOf(error)})`)
  }
  throw invalidProfile(path, 'it is no JSON object')
}

async function readOptional(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ENOTDIR')) return undefined
    throw invalidProfile(path, messageOf(error))
  }
}
