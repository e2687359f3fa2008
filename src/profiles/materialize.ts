import { cp, lstat, mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Profile } from '../jobs/profile.ts'
import { hasCode, messageOf } from '../util/error-code.ts'
import { removeTree } from '../util/remove-tree.ts'
import { expandServers, type Servers, serversIn } from './mcp.ts'
import { isFields, mergeSettings } from './merge.ts'
import { invalidProfile } from './read.ts'

export interface ConfigFiles {
  /** Becomes the home of the merged files. */
  readonly directory: string
  /** The job's working tree, whose own agents, skills, commands and servers a trusting profile lets in. */
  readonly tree?: string
}

/** Files of `.claude/` that are merged by rules of their own; every other file is taken as it is. */
const mergedFiles = ['settings.json', 'settings.local.json', 'CLAUDE.md', '.mcp.json']
const trustedDirectories = ['agents', 'skills', 'commands']

/** See `Profiles.materialize`. */
export async function materialize(profile: Profile, { directory, tree }: ConfigFiles): Promise<void> {
  const { directories, trustRepo } = profile
  const trusted = trustRepo && tree !== undefined ? tree : undefined
  const target = join(directory, '.claude')
  const settings = await mergedSettings(directories)
  const memory = await mergedMemory(directories)
  const theirs = trusted === undefined ? '' : join(trusted, '.mcp.json')
  const ours = directories.flatMap(each => [join(each, '.mcp.json'), join(each, '.claude/.mcp.json')])
  const servers = await mergedServers((await isPlainFile(theirs)) ? [theirs, ...ours] : ours, profile)
  for (const place of [target, join(directory, '.mcp.json')]) await removeTree(place)
  await mkdir(target, { recursive: true, mode: 0o700 })
  if (trusted !== undefined) await copyTrusted(trusted, target)
  for (const source of directories) await copyOthers(join(source, '.claude'), target)
  await writeFile(join(target, 'settings.json'), json(settings))
  if (memory !== '') await writeFile(join(target, 'CLAUDE.md'), memory)
  await writeFile(join(directory, '.mcp.json'), json({ mcpServers: servers }), { mode: 0o600 })
}

async function mergedSettings(directories: readonly string[]): Promise<object> {
  let merged: Readonly<Record<string, unknown>> = {}
  for (const directory of directories) {
    merged = mergeSettings(merged, (await readJson(join(directory, '.claude/settings.json'))) ?? {})
  }
  return merged
}

/** The base first; a profile has it in `.claude/` or beside it. */
async function mergedMemory(directories: readonly string[]): Promise<string> {
  const paths = directories.flatMap(directory => [join(directory, 'CLAUDE.md'), join(directory, '.claude/CLAUDE.md')])
  const texts = await Promise.all(paths.map(readOptional))
  return texts.flatMap(text => (text === undefined || text.trim() === '' ? [] : [`${text.trim()}\n`])).join('\n')
}

async function mergedServers(paths: readonly string[], { env }: Profile): Promise<Servers> {
  let merged: Servers = {}
  for (const path of paths) {
    const found = await readJson(path)
    if (found) merged = { ...merged, ...expandServers(serversIn(found, path), env, path) }
  }
  return Object.fromEntries(Object.entries(merged).filter(([, server]) => server !== null))
}

/** Links are followed: a profile is its owner's, and what agentihooks installs is made of links. */
async function copyOthers(source: string, target: string): Promise<void> {
  for (const name of (await entriesOf(source)).filter(entry => !mergedFiles.includes(entry))) {
    await cp(join(source, name), join(target, name), { recursive: true, dereference: true })
  }
}

async function isPlainFile(path: string): Promise<boolean> {
  return (await lstat(path).catch(() => undefined))?.isFile() ?? false
}

/** Plain files alone: a link in a repository can point anywhere on this machine. */
async function copyTrusted(tree: string, target: string): Promise<void> {
  if (!(await lstat(join(tree, '.claude')).catch(() => undefined))?.isDirectory()) return
  const isPlain = async (path: string): Promise<boolean> => {
    const stats = await lstat(path)
    return stats.isFile() || stats.isDirectory()
  }
  for (const name of await entriesOf(join(tree, '.claude'))) {
    if (!trustedDirectories.includes(name)) continue
    await cp(join(tree, '.claude', name), join(target, name), { recursive: true, filter: isPlain })
  }
}

async function entriesOf(directory: string): Promise<string[]> {
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

const json = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`
