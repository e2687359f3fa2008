import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { isRealDirectory } from '../util/real-directory.ts'
import { readPlain } from './tree-head.ts'

/** What an agent has under a name in its tree's repository. */
export interface TreeRef {
  /** `heads/mine`, `stash`, `worktrees/wt`: fit to be part of a ref's name. */
  readonly name: string
  readonly sha: string
}

/** More is not looked at: an agent can make any number. */
const mostRefs = 100
const deepest = 10
const plainName = /^[A-Za-z0-9][\w.@+-]*$/

/**
 * Branches, the stash and the heads of linked working trees, read without git and without following a link: an agent has
 * had its hands on them. Names that git would not take, or that are not plain, are passed over.
 */
export async function readTreeRefs(tree: string): Promise<TreeRef[]> {
  const gitDir = join(tree, '.git')
  if (!(await isRealDirectory(gitDir))) return []
  const refs = new Map<string, string>()
  for (const [name, sha] of await packedIn(gitDir)) refs.set(name, sha)
  for await (const [name, sha] of looseIn(join(gitDir, 'refs/heads'), 'heads', deepest)) refs.set(name, sha)
  const stash = commitIn(await readPlain(join(gitDir, 'refs/stash')))
  if (stash !== undefined) refs.set('stash', stash)
  for (const name of await namesIn(join(gitDir, 'worktrees'))) {
    // One that is on a branch is among the branches.
    const sha = commitIn(await readPlain(join(gitDir, 'worktrees', name, 'HEAD')))
    if (sha !== undefined) refs.set(`worktrees/${name}`, sha)
  }
  return [...refs].slice(0, mostRefs).map(([name, sha]) => ({ name, sha }))
}

async function* looseIn(directory: string, name: string, depth: number): AsyncGenerator<[string, string]> {
  if (depth === 0 || !(await isRealDirectory(directory))) return
  for (const entry of await namesIn(directory)) {
    const path = join(directory, entry)
    if (await isRealDirectory(path)) yield* looseIn(path, `${name}/${entry}`, depth - 1)
    else {
      const sha = commitIn(await readPlain(path))
      if (sha !== undefined) yield [`${name}/${entry}`, sha]
    }
  }
}

async function packedIn(gitDir: string): Promise<[string, string][]> {
  const lines = (await readPlain(join(gitDir, 'packed-refs')))?.split('\n') ?? []
  return lines.flatMap(line => {
    const [, sha = '', name = ''] = /^([0-9a-f]{40}) refs\/(heads\/\S+|stash)$/.exec(line) ?? []
    return name !== '' && name.split('/').every(part => plainName.test(part)) ? [[name, sha]] : []
  })
}

const namesIn = async (directory: string): Promise<string[]> =>
  (await isRealDirectory(directory))
    ? (await readdir(directory)).filter(name => plainName.test(name) && !name.endsWith('.lock')).slice(0, mostRefs)
    : []

const commitIn = (text: string | undefined): string | undefined => /^([0-9a-f]{40})\s*$/.exec(text ?? '')?.[1]
