import { join } from 'node:path'
import { AgenticoreError } from '../jobs/errors.ts'
import type { Slot } from '../jobs/ports.ts'
import { checkRepository, parseRepository, type RepositoryAddress, type RepositoryRules } from '../jobs/repository.ts'
import { messageOf } from '../util/error-code.ts'
import { isRealDirectory } from '../util/real-directory.ts'
import { removeTree } from '../util/remove-tree.ts'
import { withGitDir } from './bare-repository.ts'
import { type FillOptions, resetTree, writeTreeGitDir } from './checkout.ts'
import type { Git } from './git.ts'
import { withHealing } from './healing.ts'
import { bringLfs } from './lfs-checkout.ts'
import { type Caches, provideAnyway } from './provide-anyway.ts'

/** Directories. A repository can have itself as a submodule. */
const deepest = 20

export interface SubmoduleParts extends Caches {
  readonly git: Git
  /** Of the repository that brings them: what it may not be, they may not be. */
  readonly rules: RepositoryRules
}

export interface SubmoduleOptions extends FillOptions {
  /** Whether git-lfs takes part. */
  readonly lfs: boolean
}

/** A repository that was checked out a moment ago, by a tree's user, and that nobody else has touched. */
interface Parent {
  /** The job's tree. */
  readonly root: string
  /** The way from there, a name each; empty for the tree itself. */
  readonly at: readonly string[]
  readonly remote: RepositoryAddress
}

/** A commit, and where its objects are. */
interface Source {
  readonly objects: string
  readonly commit: string
}

export interface Submodule {
  readonly path: string
  /** As it is written: it may be relative to its parent's. Empty when `.gitmodules` has none. */
  readonly url: string
  readonly commit: string
}

/** The submodules of a commit, with the addresses its `.gitmodules` has. */
export async function submodulesOf(
  git: Git,
  { objects, commit: of }: Source,
  signal: AbortSignal,
): Promise<Submodule[]> {
  return await withGitDir(objects, [], async env => {
    const call = { env, signal }
    const file = ['config', '--blob', `${of}:.gitmodules`, '--no-includes', '-z', '--list']
    const listed = await git.try({ ...call, args: file })
    if (/unable to resolve config blob/.test(listed.stderr)) return []
    const urls = new Map([...readEntries(listed.stdout).values()].map(({ path = '', url = '' }) => [path, url]))
    const links = await git.run({ ...call, args: ['ls-tree', '-r', '-z', of] })
    return links.split('\0').flatMap(row => {
      const [, commit = '', path = ''] = /^160000 commit ([0-9a-f]{40})\t(.*)$/s.exec(row) ?? []
      return path === '' ? [] : [{ path, url: urls.get(path) ?? '', commit }]
    })
  })
}

/**
 * Checks out submodules of a tree, and what those have, each with a `.git` of its own.
 * @returns what was left out, and why; what is to be said of files in LFS
 */
export async function fillSubmodules(
  parts: SubmoduleParts,
  parent: Parent,
  submodules: readonly Submodule[],
  options: SubmoduleOptions,
): Promise<string[]> {
  const leftOut: string[] = []
  for (const submodule of submodules) {
    try {
      const at = [...parent.at, ...submodule.path.split('/')]
      if (submodule.url === '') throw new Error('.gitmodules does not say where it comes from')
      if (at.length > deepest) throw new Error(`it is more than ${deepest} directories deep`)
      leftOut.push(...(await fillSubmodule(parts, { ...parent, at }, submodule, options)))
    } catch (error) {
      options.signal.throwIfAborted()
      leftOut.push(`The submodule ${submodule.path} was left out: ${messageOf(error)}`)
    }
  }
  return leftOut
}

async function fillSubmodule(
  parts: SubmoduleParts,
  { root, at, remote: ofParent }: Parent,
  { url, commit }: Submodule,
  options: SubmoduleOptions,
): Promise<string[]> {
  const remote = addressOf(parts, ofParent, url)
  const tree = join(root, ...at)
  const { signal, slot, lfs } = options
  const filling = { tree, remote, commit, lfs }
  const said: string[] = []
  const tell = (message: string) => void said.push(message)
  const gitDir = join(tree, '.git')
  const objects = join(gitDir, 'objects')
  const prepare = async (fromOrigin: boolean): Promise<Submodule[]> => {
    if (fromOrigin) await slot?.takeBack(gitDir)
    const request = { commit, targets: [objects], fromOrigin, signal }
    await provideAnyway(parts, remote, request, { begin: () => removeTree(gitDir), own: `${gitDir}.cache`, tell })
    if (lfs) said.push(...(await bringLfs(parts, { ...filling, objects }, signal)))
    await writeTreeGitDir(filling)
    const submodules = await submodulesOf(parts.git, { objects, commit }, signal)
    await slot?.give(gitDir)
    return submodules
  }
  const healing = { cache: parts.cache, remote, signal, tell }
  const inner = await withHealing(healing, async fromOrigin => {
    const submodules = await whilePlaceIsOurs(slot, root, at, () => prepare(fromOrigin))
    await resetTree(parts.git, filling, { signal, slot })
    return submodules
  })
  return [...said, ...(await fillSubmodules(parts, { root, at, remote }, inner, options))]
}

/**
 * While a directory of the tree, and all above it, are ours and not its user's.
 * @throws when the way there leads out of the tree: a repository can hold any link under any name
 */
async function whilePlaceIsOurs<T>(
  slot: Slot | undefined,
  directory: string,
  [next, ...rest]: readonly string[],
  work: () => Promise<T>,
): Promise<T> {
  if (!(await isRealDirectory(directory))) throw new Error('its place is no directory of the tree')
  const inside = async (): Promise<T> => {
    if (next === undefined) return await work()
    if (/^(\.{0,2}|\.git|git~\d+)$/i.test(next)) throw new Error('its place has no name for a directory')
    return await whilePlaceIsOurs(slot, join(directory, next), rest, work)
  }
  return await (slot ? slot.lend([directory], inside) : inside())
}

/** @throws AgenticoreError `invalid_repo_url` */
function addressOf({ rules }: SubmoduleParts, parent: RepositoryAddress, url: string): RepositoryAddress {
  const full = /^\.\.?\//.test(url) ? relativeTo(parent.url, url) : url
  // As git has it: a repository on this disk names its neighbours, and nothing else on the disk.
  checkRepository(full, '', { ...rules, allowPaths: parent.scheme === 'file' && full !== url })
  return parseRepository(full)
}

/** As git does it: `../other` of `https://host/owner/repo` is `https://host/owner/other`. */
function relativeTo(parent: string, url: string): string {
  let base = parent.replace(/\/+$/, '')
  let rest = url
  for (;;) {
    if (rest.startsWith('./')) rest = rest.slice(2)
    else if (rest.startsWith('../')) {
      rest = rest.slice(3)
      const shorter = base.replace(/\/[^/]*$/, '')
      if (shorter === base || /^[a-z+]+:\/?$/i.test(shorter)) {
        throw new AgenticoreError('invalid_repo_url', `"${url}" leads out of ${parent}.`)
      }
      base = shorter
    } else return `${base}/${rest}`
  }
}

interface Entry {
  path?: string
  url?: string
}

function readEntries(listed: string): Map<string, Entry> {
  const entries = new Map<string, Entry>()
  for (const item of listed.split('\0')) {
    const [, name = '', key = '', value = ''] = /^submodule\.(.*)\.(path|url)\n(.*)$/s.exec(item) ?? []
    if (name === '') continue
    const entry = entries.get(name) ?? {}
    if (key === 'path') entry.path = value
    if (key === 'url') entry.url = value
    entries.set(name, entry)
  }
  return entries
}
