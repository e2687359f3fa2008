import { join } from 'node:path'
import type { Test } from 'tap'
import { parseRepository } from '../../src/jobs/repository.ts'
import { type CloneCacheParts, cacheName } from '../../src/repos/cache.ts'
import { git, tryGit } from '../fixtures/github/git.ts'
import { agentGit, cacheIn, never, type World } from './repos.ts'

/** Clone caches of a world, each filled from an origin of its own. */
export function cachesIn(world: World) {
  let targets = 0

  /** A root of its own for each test, and a bare origin with `count` commits, oldest first. */
  async function setUp(t: { name: string }, count = 1, parts: Partial<CloneCacheParts> = {}) {
    const root = join(world.dir, t.name.replace(/\W+/g, '-'))
    const { cloneUrl, path, commit } = await world.repo()
    const commits = [commit]
    const grow = async (): Promise<string> => {
      const parent = commits.at(-1) ?? ''
      const next = await agentGit(path, 'commit-tree', '-p', parent, '-m', `${commits.length}`, `${parent}^{tree}`)
      commits.push(next)
      await git(path, ['update-ref', 'refs/heads/main', next])
      return next
    }
    while (commits.length < count) await grow()
    const remote = parseRepository(cloneUrl)
    const cache = cacheIn(root, world.git, parts)
    const directory = join(root, cacheName(remote))
    const gitDir = join(directory, 'repo')
    const provide = (sha: string, from = cache) => provided(from, remote, sha)
    return { root, remote, path, commits, tip: commits.at(-1) ?? '', cache, provide, grow, directory, gitDir }
  }

  /** A repository that has nothing but what the cache gave it. @returns its git directory, and whether it was cached */
  async function provided(from: ReturnType<typeof cacheIn>, remote: ReturnType<typeof parseRepository>, sha: string) {
    const target = join(world.dir, `target${targets++}`)
    await git('/', ['init', '--quiet', '--bare', target])
    const { cached } = await from.provide(remote, { commit: sha, targets: [join(target, 'objects')], signal: never })
    await git(target, ['update-ref', 'refs/heads/job', sha])
    return { target, cached }
  }
  return { setUp, provided }
}

export const keepRefs = async (gitDir: string) =>
  (await git(gitDir, ['for-each-ref', '--format=%(refname) %(objectname)'])).split('\n').sort()
export const isWhole = async (t: Test, gitDir: string, what = 'whole') =>
  t.match(await tryGit(gitDir, ['fsck', '--full', '--strict']), { code: 0 }, what)
