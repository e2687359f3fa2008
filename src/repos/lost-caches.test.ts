import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { git, tryGit } from '../../test/fixtures/github/git.ts'
import { newJob } from '../../test/helpers/jobs.ts'
import { plainProfile } from '../../test/helpers/profiles.ts'
import { cacheIn, leaseOf, leftBehind, never, openWorld, tierIn } from '../../test/helpers/repos.ts'
import { addSubmodules } from '../../test/helpers/submodules.ts'
import { parseRepository } from '../jobs/repository.ts'
import { FileLock } from '../locks/file-lock.ts'
import { systemClock } from '../util/clock.ts'
import { cacheName } from './cache.ts'
import { GitWorkspaces } from './workspaces.ts'

const { checkout } = plainProfile
const world = await openWorld(t)

t.test('a cache that has lost its packs is made anew when a checkout meets it', async t => {
  const { cloneUrl, commit } = await world.repo()
  await (await world.open(cloneUrl)).workspace.dispose()
  const gitDir = join(world.cacheRoot, cacheName(parseRepository(cloneUrl)), 'repo')
  for (const file of await readdir(join(gitDir, 'objects/pack'))) await rm(join(gitDir, 'objects/pack', file))
  const { workspace } = await world.open(cloneUrl)
  t.match(workspace.warnings, [/The clone cache was damaged, and is made anew/])
  t.equal(await git(workspace.path, ['rev-parse', 'HEAD']), commit)
  t.match(await tryGit(workspace.path, ['fsck', '--full']), { code: 0 })
  await workspace.dispose()
})

t.test('a shared tier that has lost its packs is found out, and filled again', async t => {
  const { cloneUrl, commit } = await world.repo()
  const shared = join(world.dir, 'lossy-shared')
  const packs = join(shared, cacheName(parseRepository(cloneUrl)), 'repo/objects/pack')
  const machine = (name: string) => {
    const tier = tierIn(shared)
    const cache = cacheIn(join(world.dir, name), world.git, { shared: tier })
    const { git, treesRoot } = world
    const rules = { allowedHosts: [], allowPaths: true }
    const workspaces = new GitWorkspaces({ git, cache, privateCache: () => cache, rules, root: treesRoot })
    return () => workspaces.open(leaseOf(newJob(new Date(), { repoUrl: cloneUrl })), { signal: never, checkout })
  }
  await (await machine('lossy-1')()).dispose()
  const [second, third] = [machine('lossy-2'), machine('lossy-3')]
  await rm(packs, { recursive: true })
  await mkdir(packs)
  const healed = await second()
  t.match(healed.warnings, [/The clone cache was damaged, and is made anew/])
  t.equal(await git(healed.path, ['rev-parse', 'HEAD']), commit)
  await healed.dispose()
  const workspace = await third()
  t.same(workspace.warnings, [])
  await workspace.dispose()
})

t.test('a cache that cannot be written is done without', async t => {
  const sub = await world.repo({ 'inner.txt': 'inner' })
  const { cloneUrl, path } = await world.repo()
  const links = [{ path: 'inner', url: sub.cloneUrl, commit: sub.commit }]
  const commit = await addSubmodules(path, join(world.dir, 'with-submodule'), links)
  const root = join(world.dir, 'no directory')
  await writeFile(root, 'a file')
  const lock = new FileLock(join(world.dir, 'locks'), systemClock)
  const workspaces = new GitWorkspaces({
    git: world.git,
    cache: cacheIn(root, world.git, { lock }),
    privateCache: own => cacheIn(own, world.git),
    rules: { allowedHosts: [], allowPaths: true },
    root: world.treesRoot,
  })
  const lease = leaseOf(newJob(new Date(), { repoUrl: cloneUrl }))
  const wishes = { ...checkout, submodules: true }
  const workspace = await workspaces.open(lease, { signal: never, checkout: wishes })
  t.match(workspace.warnings, [/The clone cache cannot be used/, /The clone cache cannot be used/])
  t.equal(await readFile(join(workspace.path, 'inner/inner.txt'), 'utf8'), 'inner')
  t.equal(await git(workspace.path, ['rev-parse', 'HEAD']), commit)
  t.match(await tryGit(workspace.path, ['fsck', '--full']), { code: 0 })
  await workspace.dispose()
  t.same(await leftBehind(world), [])
})
