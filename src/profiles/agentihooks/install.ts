import { mkdir, readdir, rename, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { isFile } from '../../util/is-file.ts'
import { removeTree } from '../../util/remove-tree.ts'
import { takeBaseLayer } from './base-layer.ts'
import { currentIn } from './places.ts'
import type { Program } from './program.ts'
import type { Run } from './run.ts'

export interface Installation {
  /** Its home: agentihooks writes `.claude`, `.claude.json` and more there. */
  readonly home: string
  /** The name of a profile of agentihooks. */
  readonly profile: string
  /** Keeps what jobs take from it. */
  readonly root: string
  readonly run: Run
  warn(message: string): void
}

export interface Installed {
  readonly version: string
  /** Of agentihooks. */
  readonly profile: string
}

const fallbackProfile = 'default'
/**
 * Lets agentihooks install itself in its home, and takes from there what jobs start from. Never with `--force`: that clears
 * first, and then may fail.
 */
export async function installAgentihooks(program: Program, installation: Installation): Promise<Installed> {
  const { home, root, run, warn } = installation
  const call = (...args: string[]): Promise<string> => run(program.file, [...program.args, ...args])
  await mkdir(home, { recursive: true, mode: 0o700 })
  const version = /\d\S*/.exec(await call('--version'))?.[0] ?? 'of an unknown version'
  const profile = chosen(installation, listed(await call('--list-profiles')))
  await call('init', '--target', 'claude', '--profile', profile)
  const fresh = join(root, crypto.randomUUID())
  await mkdir(fresh, { recursive: true, mode: 0o755 })
  const unusable = await takeBaseLayer(home, join(fresh, 'base'))
  for (const name of unusable) warn(`The MCP server ${name} of agentihooks needs a variable that is not set.`)
  await linkProfiles(program, run, join(fresh, 'profiles'))
  await makeCurrent(root, fresh)
  return { version, profile }
}

/** Jobs that start from now on have nothing of it. */
export async function forgetAgentihooks(root: string): Promise<void> {
  for (const name of await readdir(root).catch(() => [])) await removeTree(join(root, name))
}

function chosen({ profile, warn }: Installation, names: readonly string[]): string {
  if (names.includes(profile)) return profile
  const there = names.join(', ') || 'none'
  if (!names.includes(fallbackProfile)) throw new Error(`it has no profile "${profile}"; there are: ${there}`)
  warn(
    `agentihooks has no profile "${profile}" (AGENTIHOOKS_PROFILE); there are: ${there}. ${fallbackProfile} is taken.`,
  )
  return fallbackProfile
}

const listed = (text: string): string[] => [...text.matchAll(/^\s+([A-Za-z0-9][\w.-]*)/gm)].map(([, name = '']) => name)

/** Links to those that are for agents; where its package is cannot be told of every program. */
async function linkProfiles({ python }: Program, run: Run, target: string): Promise<void> {
  await mkdir(target, { mode: 0o755 })
  if (python === undefined) return
  const directory = (await run(python, ['-c', 'import profiles; print(list(profiles.__path__)[0])'])).trim()
  for (const name of await readdir(directory)) {
    const profile = join(directory, name)
    if (await isFile(join(profile, 'profile.yml'))) await symlink(profile, join(target, name))
  }
}

async function makeCurrent(root: string, fresh: string): Promise<void> {
  const link = `${fresh}.link`
  await symlink(fresh, link)
  await rename(link, currentIn(root))
  const over = (await readdir(root)).filter(name => ![currentIn(root), fresh].includes(join(root, name)))
  for (const name of over) await removeTree(join(root, name))
}
