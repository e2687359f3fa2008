import { lstat, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Profile } from '../jobs/profile.ts'
import { copyTree } from '../util/copy.ts'
import { removeTree } from '../util/remove-tree.ts'
import { entriesOf, otherFiles, readConfigFiles } from './config-files.ts'
import { expandServers } from './mcp.ts'

export interface ConfigPlaces {
  /** Becomes the home of the merged files. */
  readonly directory: string
  /** The job's working tree, whose own agents, skills, commands and servers a trusting profile lets in. */
  readonly tree?: string
}

const trustedDirectories = ['agents', 'skills', 'commands']

/** See `Profiles.materialize`. */
export async function materialize(profile: Profile, { directory, tree }: ConfigPlaces): Promise<void> {
  const { directories, env, trustRepo } = profile
  const trusted = trustRepo ? tree : undefined
  const target = join(directory, '.claude')
  const theirs = await serversFile(trusted)
  const { settings, servers, memory } = await readConfigFiles(directories, theirs)
  const expanded = expandServers(servers, env, theirs)
  for (const place of [target, join(directory, '.mcp.json')]) await removeTree(place)
  await mkdir(target, { recursive: true, mode: 0o700 })
  if (trusted !== undefined) await copyTrusted(trusted, target)
  for (const source of directories) await copyOthers(source, target)
  await writeFile(join(target, 'settings.json'), json(settings))
  if (memory !== '') await writeFile(join(target, 'CLAUDE.md'), memory)
  await writeFile(join(directory, '.mcp.json'), json({ mcpServers: expanded }), { mode: 0o600 })
}

/** Links are followed: a profile is its owner's, and what agentihooks installs is made of links. */
async function copyOthers(directory: string, target: string): Promise<void> {
  for (const name of await otherFiles(directory)) {
    await copyTree(join(directory, '.claude', name), join(target, name), { links: 'followed' })
  }
}

async function serversFile(tree: string | undefined): Promise<string | undefined> {
  const path = tree === undefined ? undefined : join(tree, '.mcp.json')
  return path !== undefined && (await lstat(path).catch(() => undefined))?.isFile() ? path : undefined
}

/** Plain files alone: a link in a repository can point anywhere on this machine. */
async function copyTrusted(tree: string, target: string): Promise<void> {
  if (!(await lstat(join(tree, '.claude')).catch(() => undefined))?.isDirectory()) return
  for (const name of await entriesOf(join(tree, '.claude'))) {
    if (!trustedDirectories.includes(name)) continue
    await copyTree(join(tree, '.claude', name), join(target, name), { links: 'left out' })
  }
}

const json = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`
