import { rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Git } from './git.ts'
import { gitError } from './git.ts'
import { readTreeRefs, type TreeRef } from './tree-refs.ts'

export interface StrayCommits {
  readonly tree: string
  /** The runner's own, with what the agent has made. */
  readonly gitDir: string
  /** Commits that are delivered, or whose files are. */
  readonly known: readonly string[]
  /** What everything builds on. */
  readonly base: string
}

/**
 * Keeps commits that an agent left where nobody would look: on branches of its own, stashed, in linked working trees.
 * @param path becomes a git bundle with a ref `refs/left/NAME` for each; not written when there are none
 * @returns the names
 * @throws AgenticoreError `git_failed`, `storage_failed`
 */
export async function keepStrays(git: Git, strays: StrayCommits, path: string, signal: AbortSignal): Promise<string[]> {
  const { tree, gitDir, known, base } = strays
  const env = { GIT_DIR: gitDir }
  const besides = [base, ...known].map(sha => `^${sha}`)
  const isStray = async ({ sha }: TreeRef): Promise<boolean> => {
    const args = ['rev-list', '--max-count=1', '--ignore-missing', sha, ...besides]
    const { ok, stdout } = await git.try({ args, env, signal })
    return ok && stdout.trim() !== ''
  }
  const found: TreeRef[] = []
  for (const ref of await readTreeRefs(tree)) if (!known.includes(ref.sha) && (await isStray(ref))) found.push(ref)
  if (found.length === 0) return []
  await writeFile(join(gitDir, 'packed-refs'), found.map(({ name, sha }) => `${sha} refs/left/${name}\n`).join(''))
  const part = `${path}.${crypto.randomUUID()}.tmp`
  try {
    const names = found.map(({ name }) => `refs/left/${name}`)
    const made = await git.try({ args: ['bundle', 'create', '--quiet', part, ...names, `^${base}`], env, signal })
    if (!made.ok) throw gitError('bundle', made.stderr)
    await rename(part, path)
  } finally {
    await rm(part, { force: true })
  }
  return found.map(({ name }) => name)
}
