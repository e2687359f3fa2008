import { join } from 'node:path'
import { AgenticoreError } from '../jobs/errors.ts'
import type { Slot } from '../jobs/ports.ts'
import { checkRepository, parseRepository, type RepositoryAddress, type RepositoryRules } from '../jobs/repository.ts'
import { messageOf } from '../util/error-code.ts'
import { isRealDirectory } from '../util/real-directory.ts'
import { withGitDir } from './bare-repository.ts'
import type { CloneCache } from './cache.ts'
import { type FillOptions, resetTree, writeTreeGitDir } from './checkout.ts'
import type { Git } from './git.ts'

const deepest = 5

export interface SubmoduleParts {
  readonly git: Git
  readonly cache: CloneCache
  /** Of the repository that brings them: what it may not be, they may not be. */
  readonly rules: RepositoryRules
}

/** A tree that was checked out a moment ago, and that nobody else has touched. */
interface Parent {
  readonly tree: string
  /** Where its objects are. */
  readonly objects: string
  readonly remote: RepositoryAddress
  readonly commit: string
}

/** Paths and addresses in `.gitmodules`, as its commit has it. */
export async function submodulesOf({ git }: SubmoduleParts, parent: Parent, signal: AbortSignal): Promise<Submodule[]> {
  return await withGitDir(parent.objects, [], async env => {
    const call = { env, signal }
    const file = ['config', '--blob', `${parent.commit}:.gitmodules`, '--no-includes', '-z', '--list']
    const listed = await git.try({ ...call, args: file })
    if (!listed.ok) return []
    const entries = readEntries(listed.stdout)
    const paths = [...entries.values()].flatMap(({ path }) => (path === undefined ? [] : [path]))
    const links = paths.length === 0 ? '' : await git.run({ ...call, args: ['ls-tree', '-r', '-z', parent.commit] })
    const commits = new Map(
      links.split('\0').flatMap(row => {
        const [, sha = '', path = ''] = /^160000 commit ([0-9a-f]{40})\t(.*)$/s.exec(row) ?? []
        return path === '' ? [] : [[path, sha] as const]
      }),
    )
    return [...entries.values()].flatMap(({ path = '', url = '' }) => {
      const commit = commits.get(path)
      return commit === undefined ? [] : [{ path, url, commit }]
    })
  })
}

interface Submodule {
  readonly path: string
  /** As it is written: it may be relative to its parent's. */
  readonly url: string
  readonly commit: string
}

/**
 * Checks out what a tree has as submodules, and what those have, each with a `.git` of its own.
 * @returns what was left out, and why
 */
export async function fillSubmodules(
  parts: SubmoduleParts,
  parent: Parent,
  options: FillOptions,
  depth = 1,
): Promise<string[]> {
  const leftOut: string[] = []
  const found = await ours(options.slot, parent, [], () => submodulesOf(parts, parent, options.signal))
  for (const submodule of found) {
    try {
      if (depth > deepest) throw new Error(`it is more than ${deepest} levels deep`)
      leftOut.push(...(await fillSubmodule(parts, parent, submodule, { ...options, depth })))
    } catch (error) {
      options.signal.throwIfAborted()
      leftOut.push(`The submodule ${submodule.path} was left out: ${messageOf(error)}`)
    }
  }
  return leftOut
}

async function fillSubmodule(
  parts: SubmoduleParts,
  parent: Parent,
  { path, url, commit }: Submodule,
  { signal, slot, depth }: FillOptions & { readonly depth: number },
): Promise<string[]> {
  const remote = addressOf(parts, parent.remote, url)
  const tree = join(parent.tree, path)
  const objects = join(tree, '.git/objects')
  const filling = { tree, remote, commit }
  await ours(slot, parent, path.split('/'), async () => {
    await parts.cache.provide(remote, { commit, targets: [objects], signal })
    await writeTreeGitDir(filling)
    await slot?.give(join(tree, '.git'))
  })
  await resetTree(parts.git, filling, { signal, slot })
  return await fillSubmodules(parts, { tree, objects, remote, commit }, { signal, slot }, depth + 1)
}

/**
 * While a directory of the tree, and all above it, are ours and not its user's.
 * @throws when the way there leads out of the tree: a repository can hold any link under any name
 */
async function ours<T>(
  slot: Slot | undefined,
  { tree }: Pick<Parent, 'tree'>,
  path: readonly string[],
  work: () => Promise<T>,
): Promise<T> {
  const [next, ...rest] = path
  if (!(await isRealDirectory(tree))) throw new Error('its place is no directory of the tree')
  const inside = async (): Promise<T> => {
    if (next === undefined) return await work()
    if (/^(\.{0,2}|\.?git~?\d*)$/i.test(next)) throw new Error('its place has no name for a directory')
    return await ours(slot, { tree: join(tree, next) }, rest, work)
  }
  return await (slot ? slot.lend([tree], inside) : inside())
}

/** @throws AgenticoreError `invalid_repo_url` */
function addressOf({ rules }: SubmoduleParts, parent: RepositoryAddress, url: string): RepositoryAddress {
  const full = /^\.\.?\//.test(url) ? relativeTo(parent.url, url) : url
  checkRepository(full, '', { ...rules, allowPaths: parent.scheme === 'file' })
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
