import { mkdir, readdir, symlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { messageOf } from '../../util/error-code.ts'
import { isFile } from '../../util/is-file.ts'
import { takeBaseLayer } from './base-layer.ts'
import { hookCommands, pathsIn, tryHooks } from './hooks.ts'
import { freshIn, makeCurrent, removeOthers } from './layer.ts'
import type { Program } from './program.ts'
import type { Run } from './run.ts'

export interface Installation {
  /** Its home: agentihooks writes `.claude`, `.claude.json` and more there. */
  readonly home: string
  /** The name of a profile of agentihooks. */
  readonly profile: string
  /** Keeps what jobs take from it. */
  readonly layer: string
  readonly run: Run
  /** As who agents run as. */
  readonly runAsAgent: Run
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
  const { home, layer, run, runAsAgent, warn } = installation
  const call = (...args: string[]): Promise<string> => run(program.file, [...program.args, ...args])
  await mkdir(home, { recursive: true, mode: 0o700 })
  const version = /\d\S*/.exec(await call('--version'))?.[0] ?? 'of an unknown version'
  const profile = chosen(installation, listed(await call('--list-profiles')))
  await call('init', '--target', 'claude', '--profile', profile)
  const fresh = await freshIn(layer)
  const { settings, warnings } = await takeBaseLayer(home, join(fresh, 'base'))
  for (const warning of warnings) warn(warning)
  const { file, python = file } = program
  const commands = hookCommands(settings, dirname(python))
  await tryHooks(commands, runAsAgent)
  await linkProfiles(program, run, join(fresh, 'profiles'))
  await makeCurrent(layer, fresh, [file, python, ...commands.flatMap(pathsIn)])
  await removeOthers(layer, fresh).catch((error: unknown) =>
    warn(`What agentihooks had installed before could not be removed: ${messageOf(error)}`),
  )
  return { version, profile }
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
