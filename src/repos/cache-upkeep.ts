import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { removeTree } from '../util/remove-tree.ts'
import { exists, keptIn, throwAway, usedAtFile, withGitDir } from './bare-repository.ts'
import type { Git } from './git.ts'
import { lfsBytes } from './lfs.ts'
import { packedBytes, packsIn } from './packs.ts'

/** More packs than this make every look-up slower. */
const mostPacks = 20
/** What a fetch that was killed has left; a younger one may be going on. */
const staleMs = 86_400_000

/**
 * Many packs become one, with everything that is in them. Jobs have links to the old ones, and keep them.
 * @returns the names of those it took the place of
 * @throws AgenticoreError `git_failed`
 */
export async function compact(git: Git, gitDir: string, signal: AbortSignal): Promise<string[]> {
  const before = await packsIn(gitDir)
  if (before.length <= mostPacks) return []
  const args = ['repack', '-a', '-d', '-k', '-q']
  await withGitDir(join(gitDir, 'objects'), await keptIn(gitDir), env => git.run({ args, env, signal }))
  const after = await packsIn(gitDir)
  return before.filter(name => !after.includes(name))
}

/** Removes the repositories that were used longest ago until the rest fits. */
export async function evict(
  root: string,
  { limitBytes, except }: { limitBytes: number; except: string },
): Promise<void> {
  await reduce(await repositoriesIn(root), limitBytes, except)
}

/** The same, until half of all is gone. */
export async function halve(root: string, except: string): Promise<void> {
  const repositories = await repositoriesIn(root)
  await reduce(repositories, totalOf(repositories) / 2, except)
}

interface Cached {
  readonly gitDir: string
  readonly bytes: number
  readonly usedMs: number
}

const totalOf = (repositories: readonly Cached[]): number => repositories.reduce((sum, { bytes }) => sum + bytes, 0)

async function reduce(repositories: readonly Cached[], limitBytes: number, except: string): Promise<void> {
  let total = totalOf(repositories)
  for (const { gitDir, bytes } of repositories.toSorted((a, b) => a.usedMs - b.usedMs)) {
    if (total <= limitBytes) return
    if (gitDir === except) continue
    await throwAway(gitDir)
    total -= bytes
  }
}

async function repositoriesIn(root: string): Promise<Cached[]> {
  const names = (await readdir(root)).filter(name => /^[0-9a-f]{12}$/.test(name))
  const found = await Promise.all(
    names.map(async name => {
      await removeStale(join(root, name))
      const gitDir = join(root, name, 'repo')
      if (!(await exists(usedAtFile(gitDir)))) return []
      const bytes = (await packedBytes(gitDir)) + (await lfsBytes(join(gitDir, 'lfs')))
      return [{ gitDir, bytes, usedMs: (await stat(usedAtFile(gitDir))).mtimeMs }]
    }),
  )
  return found.flat()
}

async function removeStale(directory: string): Promise<void> {
  for (const name of (await readdir(directory)).filter(each => each.endsWith('.tmp'))) {
    const stats = await stat(join(directory, name)).catch(() => undefined)
    if (stats && Date.now() - stats.mtimeMs > staleMs) await removeTree(join(directory, name))
  }
}
