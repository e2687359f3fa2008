import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { stringify } from 'yaml'
import { AgenticoreError } from '../jobs/errors.ts'
import type { ClaudeSettings, Profile, Profiles } from '../jobs/profile.ts'
import { hasCode, messageOf } from '../util/error-code.ts'
import { didYouMean } from '../util/nearest.ts'
import { type ConfigFiles, readConfigFiles } from './config-files.ts'
import { type ConfigPlaces, materialize } from './materialize.ts'
import { expandServers } from './mcp.ts'
import { mergeProfiles } from './merge.ts'
import { invalidProfile, type ReadProfile, readProfile } from './read.ts'
import { type ProfileFile, profileKeys } from './schema.ts'

/** A directory that holds profiles, each a directory of its own. */
export interface Layer {
  /** Where that is, in words: `built in`, `yours`. */
  readonly source: string
  readonly directory: string
  /** Why it is left out; undefined, or not there, when it is not. */
  whyUnusable?(): Promise<string | undefined>
}

export interface ListedProfile {
  readonly name: string
  readonly source: string
  readonly directory: string
  readonly description: string
  readonly extends?: string
  /** Sources that have a profile of this name, too, which this one stands in front of. */
  readonly hides: readonly string[]
  /** Why it cannot be used. */
  readonly error?: string
}

export interface EffectiveProfile extends Profile {
  /** What all files of the chain say together. */
  readonly keys: ProfileFile
  /** The same as a `profile.yml`. */
  readonly yaml: string
  /** What they bring for Claude Code. */
  readonly files: ConfigFiles
}

interface Place extends Layer {
  readonly depth: number
}

const validName = /^[A-Za-z0-9][\w.-]*$/

/** Profiles in layers; of two with one name the one in the later layer counts. */
export class ProfileLibrary implements Profiles {
  readonly #layers: readonly Layer[]
  readonly #base: Omit<Layer, 'source'> | undefined

  /** @param base has its directory in the shape of a profile that all of them start from; it need not exist */
  constructor(layers: readonly Layer[], base?: Omit<Layer, 'source'>) {
    this.#layers = layers
    this.#base = base
  }

  async list(): Promise<ListedProfile[]> {
    const names = await this.#names()
    return await Promise.all(names.map(name => this.#listed(name)))
  }

  async resolve(name: string): Promise<EffectiveProfile> {
    const chain = await this.#chain(name)
    let keys: Readonly<Record<string, unknown>> = {}
    for (const { file } of chain) keys = mergeProfiles(keys, file)
    const merged = profileKeys.parse({ ...keys, name })
    const why = await this.#base?.whyUnusable?.()
    const bases = this.#base && why === undefined ? [this.#base.directory] : []
    const directories = [...bases, ...chain.map(({ directory }) => directory)]
    const profile = effective(name, merged)
    const files = await readConfigFiles(directories)
    // Looked at before a job is submitted, and not only when it starts.
    expandServers(files.servers, profile.env)
    return {
      ...profile,
      files,
      keys: merged,
      yaml: stringify(merged),
      directories,
      warnings: [...(why === undefined ? [] : [why]), ...chain.flatMap(({ warnings }) => warnings)],
    }
  }

  async materialize(profile: Profile, places: ConfigPlaces): Promise<void> {
    await materialize(profile, places)
  }

  /** The profile and what it builds on, the base first. */
  async #chain(
    name: string,
    below = Number.POSITIVE_INFINITY,
    children: readonly ReadProfile[] = [],
  ): Promise<ReadProfile[]> {
    const place = (await this.#places(name)).find(({ depth }) => depth < below)
    if (!place) throw await this.#missing(name, children.at(-1))
    const directory = join(place.directory, name)
    if (children.some(child => child.directory === directory)) throw cycle(name, children)
    const profile = await readProfile(directory, name)
    const { extends: parent } = profile.file
    if (parent === undefined || parent === null) return [profile]
    // Under its own name a profile builds on the one it stands in front of.
    const chain = await this.#chain(parent, parent === name ? place.depth : undefined, [...children, profile])
    return [...chain, profile]
  }

  /** The layers that have it, the one that counts first. */
  async #places(name: string): Promise<Place[]> {
    if (!validName.test(name)) return []
    const found: Place[] = []
    for (const [depth, layer] of this.#layers.entries()) {
      if ((await profilesIn(layer)).includes(name)) found.unshift({ ...layer, depth })
    }
    return found
  }

  async #names(): Promise<string[]> {
    const all = await Promise.all(this.#layers.map(profilesIn))
    return [...new Set(all.flat())].sort()
  }

  async #missing(name: string, child: ReadProfile | undefined): Promise<AgenticoreError> {
    const names = await this.#names()
    if (child?.name === name) return invalidProfile(child.directory, 'it extends itself')
    const known = didYouMean(name, names) || `; there are ${names.join(', ')}`
    if (child) return invalidProfile(child.directory, `it extends "${name}", which does not exist${known}`)
    return new AgenticoreError('profile_not_found', `There is no profile "${name}"${known}`.replace(/([^?])$/, '$1.'))
  }

  async #listed(name: string): Promise<ListedProfile> {
    const [place, ...hidden] = await this.#places(name)
    const directory = join(place?.directory ?? '', name)
    const about = { name, source: place?.source ?? '', directory, hides: hidden.map(({ source }) => source) }
    try {
      const { keys } = await this.resolve(name)
      const parent = keys.extends ?? undefined
      return { ...about, description: keys.description ?? '', ...(parent === undefined ? {} : { extends: parent }) }
    } catch (error) {
      return { ...about, description: '', error: messageOf(error) }
    }
  }
}

function cycle(name: string, children: readonly ReadProfile[]): AgenticoreError {
  const names = [...children.map(child => child.name), name]
  return invalidProfile(children.at(-1)?.directory ?? '', `it builds on itself: ${names.join(' → ')}`)
}

async function profilesIn({ directory, whyUnusable }: Layer): Promise<string[]> {
  if ((await whyUnusable?.()) !== undefined) return []
  try {
    const entries = await readdir(directory, { withFileTypes: true })
    const isProfile = (each: (typeof entries)[number]): boolean => each.isDirectory() || each.isSymbolicLink()
    return entries.filter(each => isProfile(each) && validName.test(each.name)).map(each => each.name)
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ENOTDIR')) return []
    throw error
  }
}

function effective(name: string, file: ProfileFile): Omit<Profile, 'directories' | 'warnings'> {
  const env = Object.entries(file.env ?? {}).map(([key, value]) => [key, String(value)])
  return {
    name,
    autoPr: file.auto_pr ?? true,
    draft: file.draft ?? false,
    labels: file.labels ?? [],
    pushOnFailure: file.push_on_failure ?? false,
    setup: file.setup ?? undefined,
    verify: file.verify ?? undefined,
    verifyAttempts: file.verify_attempts ?? 2,
    env: Object.fromEntries(env),
    checkout: { sparse: file.sparse ?? [], submodules: file.submodules ?? false, lfs: file.lfs ?? false },
    trustRepo: file.claude?.trust_repo ?? false,
    claude: claudeSettings(file.claude ?? {}),
  }
}

const claudeSettings = (keys: NonNullable<ProfileFile['claude']>): ClaudeSettings => ({
  model: keys.model ?? undefined,
  fallbackModel: keys.fallback_model ?? undefined,
  effort: keys.effort ?? undefined,
  maxTurns: keys.max_turns ?? undefined,
  maxBudgetUsd: keys.max_budget_usd ?? undefined,
  timeoutSeconds: keys.timeout ?? undefined,
  permissionMode: keys.permission_mode ?? 'bypassPermissions',
  allowedTools: keys.allowed_tools ?? [],
  disallowedTools: keys.disallowed_tools ?? [],
  appendSystemPrompt: keys.append_system_prompt ?? undefined,
})
