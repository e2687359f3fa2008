import { randomBytes } from 'node:crypto'
import {
  chmod,
  mkdir,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  truncate,
  utimes,
  writeFile,
} from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { git, tryGit } from '../../test/fixtures/github/git.ts'
import { agentGit, cacheIn, checksums, filesWith, never, openWorld, tierIn, token } from '../../test/helpers/repos.ts'
import type { Lock } from '../jobs/ports.ts'
import { parseRepository } from '../jobs/repository.ts'
import { type CloneCacheParts, cacheName } from './cache.ts'
import { packedBytes, packsIn } from './packs.ts'

const world = await openWorld(t)
const { github } = world
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

const keepRefs = async (gitDir: string) =>
  (await git(gitDir, ['for-each-ref', '--format=%(refname) %(objectname)'])).split('\n').sort()
const isWhole = async (t: Test, gitDir: string, what = 'whole') =>
  t.match(await tryGit(gitDir, ['fsck', '--full', '--strict']), { code: 0 }, what)

t.test('a commit is fetched once; after that the origin is not asked', async t => {
  const { provide, tip, commits, directory, gitDir } = await setUp(t, 2)
  const { target, cached } = await provide(tip)
  t.equal(cached, false)
  await isWhole(t, target)
  const before = github.requests.length
  t.equal((await provide(tip)).cached, true)
  t.equal(github.requests.length, before)
  t.same(await keepRefs(gitDir), [`refs/agenticore/keep/${tip} ${tip}`])
  t.equal((await provide(commits[0] ?? '')).cached, false, 'another commit is pinned by a ref of its own')
  await isWhole(t, gitDir)
  t.same(await filesWith(directory, token, Buffer.from(`x-access-token:${token}`).toString('base64')), [])
})

t.test('ten at once, of one commit and of several, all succeed, and one of them fetches', async t => {
  const { provide, tip, commits, directory, gitDir } = await setUp(t, 5)
  const before = github.requests.filter(({ method }) => method === 'POST').length
  const all = await Promise.all(Array.from({ length: 10 }, () => provide(tip)))
  t.equal(all.filter(({ cached }) => !cached).length, 1)
  const packs = github.requests.filter(({ method, path }) => method === 'POST' && /upload-pack/.test(path)).length
  t.ok(packs - before <= 2, 'one fetch: what refs, and the pack')
  await Promise.all([...commits, ...commits].map(sha => provide(sha)))
  t.same(await keepRefs(gitDir), commits.map(sha => `refs/agenticore/keep/${sha} ${sha}`).sort())
  await isWhole(t, gitDir)
  t.same(await readdir(directory), ['repo'], 'no staging directory is left')
})

t.test('what a job was given stays whole when the cache is emptied, and one that is emptied is filled', async t => {
  const { provide, tip, root, gitDir, grow } = await setUp(t)
  const first = await provide(tip)
  await rm(gitDir, { recursive: true })
  await isWhole(t, first.target)
  t.equal((await provide(tip)).cached, false)
  const wanted = await Promise.all(Array.from({ length: 6 }, grow).map(promise => promise)).catch(() => [])
  const busy = Promise.all([...wanted, tip, tip, tip].map(sha => provide(sha)))
  const emptying = (async () => {
    for (let n = 0; n < 5; n++) {
      await rename(gitDir, join(root, `away${n}`)).catch(() => undefined)
      await new Promise(resolve => setImmediate(resolve))
    }
  })()
  for (const { target } of await busy) await isWhole(t, target)
  await emptying
})

t.test('a directory, a file or a link in the place of the cache is moved aside with what it holds', async t => {
  const { provide, tip, directory, gitDir } = await setUp(t)
  const elsewhere = join(world.dir, 'elsewhere')
  await mkdir(elsewhere)
  await writeFile(join(elsewhere, 'kept'), 'kept')
  await mkdir(gitDir, { recursive: true })
  await writeFile(join(gitDir, 'precious'), 'precious')
  t.equal((await provide(tip)).cached, false)
  const clear = (name: string) => rename(gitDir, join(directory, name))
  await clear('first')
  await writeFile(gitDir, 'a file')
  t.equal((await provide(tip)).cached, false)
  await clear('second')
  await symlink(elsewhere, gitDir)
  t.equal((await provide(tip)).cached, false)

  const aside = (await readdir(directory)).filter(name => name.startsWith('repo.foreign-'))
  t.equal(aside.length, 3)
  const contents = await Promise.all(
    aside.map(async name => {
      const path = join(directory, name)
      return await readFile(path, 'utf8').catch(() => readdir(path))
    }),
  )
  t.same(new Set(contents.map(String)), new Set(['precious', 'a file', 'kept']))
  t.same(await readdir(elsewhere), ['kept'], 'nothing is written through the link')
  await isWhole(t, gitDir)
})

t.test('ten who find something foreign move it aside once and all succeed', async t => {
  const { provide, tip, directory, gitDir } = await setUp(t)
  await mkdir(gitDir, { recursive: true })
  await writeFile(join(gitDir, 'precious'), 'precious')
  await Promise.all(Array.from({ length: 10 }, () => provide(tip)))
  const names = await readdir(directory)
  const aside = names.filter(name => name !== 'repo')
  t.equal(aside.length, 1)
  t.equal(await readFile(join(directory, aside[0] ?? '', 'precious'), 'utf8'), 'precious')
})

t.test('what an agent leaves in the cache does not run when something is fetched', async t => {
  const { provide, commits, tip, root, gitDir } = await setUp(t, 2)
  await provide(commits[0] ?? '')
  const canary = join(root, 'canary')
  await mkdir(join(gitDir, 'hooks'))
  for (const hook of ['reference-transaction', 'post-fetch', 'pre-auto-gc']) {
    await writeFile(join(gitDir, 'hooks', hook), `#!/bin/sh\ntouch ${canary}\n`, { mode: 0o755 })
  }
  await writeFile(
    join(gitDir, 'config'),
    `[core]\n\tfsmonitor = touch ${canary}\n[credential]\n\thelper = !touch ${canary}\n`,
  )
  await provide(tip)
  t.notOk((await readdir(root)).includes('canary'))
  await git(gitDir, ['cat-file', '-e', tip])
})

t.test('a keep ref never moves and outlives a force-push', async t => {
  const { provide, tip, path, gitDir } = await setUp(t, 2)
  await provide(tip)
  const other = await agentGit(path, 'commit-tree', '-m', 'rewritten', `${tip}^{tree}`)
  await git(path, ['update-ref', 'refs/heads/main', other])
  await git(path, ['reflog', 'expire', '--expire=now', '--all'])
  await git(path, ['prune', '--expire=now'])
  t.equal((await provide(other)).cached, false)
  t.same(await keepRefs(gitDir), [tip, other].map(sha => `refs/agenticore/keep/${sha} ${sha}`).sort())
  t.equal(await git(gitDir, ['cat-file', '-t', tip]), 'commit', 'the old commit is there')
  await isWhole(t, gitDir)
  const before = github.requests.length
  t.equal((await provide(tip)).cached, true)
  t.equal(github.requests.length, before)
})

t.test('a failed fetch says why and leaves a cache that works', async t => {
  const { provide, tip, gitDir } = await setUp(t)
  github.fail({ method: 'POST', path: /git-upload-pack/, status: 404 })
  await t.rejects(provide(tip), { code: 'origin_not_found' })
  t.same(await keepRefs(gitDir), [''])
  t.equal((await provide(tip)).cached, false)
  t.equal((await provide(tip)).cached, true)
})

t.test('an abort ends the fetch with its reason and leaves a cache that works', async t => {
  const { cache, remote, tip, provide } = await setUp(t)
  const reason = new Error('enough')
  const request = { commit: tip, targets: [], signal: AbortSignal.abort(reason) }
  await t.rejects(cache.provide(remote, request), reason)
  t.equal((await provide(tip)).cached, false)
})

t.test('a damaged cache is fetched anew when it is found out, and jobs that have their links are unharmed', async t => {
  const warnings: string[] = []
  const { cache, remote, provide, grow, gitDir, tip } = await setUp(t, 3, { warn: text => warnings.push(text) })
  const early = await provide(tip)
  const [pack = ''] = await packsIn(gitDir)
  const damaged = join(gitDir, 'objects/pack', `${pack}.pack`)
  const whole = await readFile(damaged)
  // As a disk does it: another file of the same name, which is not what it says.
  await rm(damaged)
  await writeFile(damaged, whole.subarray(0, -30))
  await isWhole(t, early.target)
  const late = await provide(await grow())
  t.match(warnings, [/pack is damaged; .* is made anew/])
  await isWhole(t, late.target)
  await cache.discard(remote)
  await isWhole(t, (await provide(tip)).target)
})

t.test('a pack that is damaged in its middle is found out before anybody gets it', async t => {
  const warnings: string[] = []
  const { provide, tip, gitDir } = await setUp(t, 5, { warn: text => void warnings.push(text) })
  await provide(tip)
  t.equal((await provide(tip)).cached, true)
  const [pack = ''] = await packsIn(gitDir)
  const file = join(gitDir, 'objects/pack', `${pack}.pack`)
  const whole = await readFile(file)
  const broken = Buffer.from(whole).fill(0xff, whole.length >> 1, (whole.length >> 1) + 16)
  // Under a name of its own: who has a link to the old one keeps that.
  await rm(file)
  await writeFile(file, broken)
  const again = await provide(tip)
  t.equal(again.cached, false)
  t.match(warnings, [/pack is damaged; the clone cache of .* is made anew/])
  await isWhole(t, again.target)

  const old = new Date(Date.now() - 2 * 86_400_000)
  const [next = ''] = await packsIn(gitDir)
  const { mtime } = await stat(join(gitDir, 'objects/pack', `${next}.pack`))
  await chmod(join(gitDir, 'objects/pack', `${next}.pack`), 0o644)
  await writeFile(join(gitDir, 'objects/pack', `${next}.pack`), broken)
  await utimes(join(gitDir, 'objects/pack', `${next}.pack`), mtime, mtime)
  await utimes(join(gitDir, 'checked', next), old, old)
  t.equal((await provide(tip)).cached, false, 'one that looks as it did is read again once a day')
})

t.test('a cache that has lost what it is made of is made anew', async t => {
  const { provide, tip, gitDir } = await setUp(t)
  for (const part of ['refs', 'objects', 'refs/agenticore/keep']) {
    await provide(tip)
    await rm(join(gitDir, part), { recursive: true })
    await isWhole(t, (await provide(tip)).target)
    t.equal((await provide(tip)).cached, true, part)
  }
})

t.test('a fetch that fails or is killed leaves nothing in the cache', async t => {
  const { provide, grow, tip, gitDir, directory } = await setUp(t)
  await provide(tip)
  const before = await checksums(gitDir)
  const next = await grow()
  github.fail({ path: /git-upload-pack$/, status: 500, times: 3 })
  await t.rejects(provide(next), { code: 'origin_unreachable' })
  t.same(await checksums(gitDir), before)
  t.same(await readdir(directory), ['repo'])
})

t.test('many packs become one; who has links to the old ones keeps them', async t => {
  const { provide, grow, gitDir, tip } = await setUp(t)
  const early = await provide(tip)
  for (let n = 0; n < 20; n++) await provide(await grow())
  const packs = await packsIn(gitDir)
  t.equal(packs.length, 1)
  await isWhole(t, early.target)
  await isWhole(t, gitDir)
  t.equal((await provide(tip)).cached, true)
})

t.test('what was used longest ago goes when there is too much, never what is wanted now', async t => {
  const root = join(world.dir, 'limited')
  const cache = cacheIn(root, world.git, { limitBytes: 1 })
  const all: { remote: ReturnType<typeof parseRepository>; target: string }[] = []
  for (let n = 0; n < 3; n++) {
    const { cloneUrl, commit } = await world.repo({ 'big.bin': randomBytes(10_000).toString('hex') })
    const remote = parseRepository(cloneUrl)
    all.push({ remote, ...(await provided(cache, remote, commit)) })
    t.same((await readdir(root)).filter(name => name !== '.locks').length, n + 1)
  }
  const present = async () =>
    await Promise.all(all.map(async ({ remote }) => (await readdir(join(root, cacheName(remote)))).includes('repo')))
  t.same(await present(), [false, false, true])
  for (const { target } of all) await isWhole(t, target)

  const roomy = cacheIn(root, world.git, { limitBytes: 1_000_000 })
  const [first, second] = all
  for (const one of [first, second]) {
    if (one) await provided(roomy, one.remote, await git(one.target, ['rev-parse', 'job']))
  }
  t.same(await present(), [true, true, true])
  const stale = join(root, cacheName(first?.remote ?? parseRepository('/x')), 'repo.0.tmp')
  await mkdir(stale)
  await utimes(stale, 0, 0)
  const old = new Date(Date.now() - 3_600_000)
  if (second) await utimes(join(root, cacheName(second.remote), 'repo/agenticore-cache'), old, old)
  const sizes = await Promise.all(all.map(({ remote }) => packedBytes(join(root, cacheName(remote), 'repo'))))
  const { cloneUrl, commit } = await world.repo()
  const limitBytes = (sizes[0] ?? 0) + (sizes[2] ?? 0) + 4000
  await provided(cacheIn(root, world.git, { limitBytes }), parseRepository(cloneUrl), commit)
  t.same(await present(), [true, false, true], 'the one that was used longest ago')
  await t.rejects(stat(stale), { code: 'ENOENT' }, 'what a killed fetch has left')
})

t.test('one repository has one cache whatever way it is spelled', async t => {
  const name = (url: string) => cacheName(parseRepository(url))
  t.match(name('https://github.com/o/r'), /^[0-9a-f]{12}$/)
  t.equal(name('https://GitHub.com/o/r.git/'), name('https://github.com/o/r'))
  t.not(name('https://github.com/o/r2'), name('https://github.com/o/r'))
})

/** Two machines that share a directory. */
async function setUpTiers(t: { name: string }, count = 1) {
  const warnings: string[] = []
  const warn = (text: string): void => void warnings.push(text)
  const shared = join(world.dir, `${t.name.replace(/\W+/g, '-')}-shared`)
  const tier = () => tierIn(shared, { warn })
  const one = await setUp({ name: `${t.name} one` }, count, { shared: tier(), warn })
  const other = cacheIn(`${one.root}-other`, world.git, { shared: tier(), warn })
  return { ...one, other, warnings, sharedRepo: join(shared, cacheName(one.remote), 'repo') }
}

const uploads = () => github.requests.filter(({ path }) => path.endsWith('git-upload-pack')).length

t.test('what one machine has fetched another one copies, and no ref of the shared tier ever moves', async t => {
  const { provide, other, grow, tip, sharedRepo, warnings } = await setUpTiers(t, 2)
  await provide(tip)
  const before = uploads()
  const there = await provide(tip, other)
  t.equal(there.cached, true)
  t.equal(uploads(), before, 'the origin is not asked')
  await isWhole(t, there.target)
  const sums = await checksums(sharedRepo)
  const next = await grow()
  t.equal((await provide(next, other)).cached, false)
  t.equal((await provide(next)).cached, true)
  const later = await checksums(sharedRepo)
  for (const [path, sum] of Object.entries(sums)) t.equal(later[path], sum, `${path} is as it was`)
  t.same(await keepRefs(sharedRepo), [tip, next].map(sha => `refs/agenticore/keep/${sha} ${sha}`).sort())
  await isWhole(t, sharedRepo)
  t.same(warnings, [])
})

t.test('what several machines want at once is fetched by one of them', async t => {
  const { remote, tip, root, sharedRepo } = await setUpTiers(t, 2)
  const shared = join(sharedRepo, '../..')
  const machines = Array.from({ length: 5 }, (_, n) => cacheIn(`${root}-${n}`, world.git, { shared: tierIn(shared) }))
  const before = uploads()
  const all = await Promise.all(machines.map(machine => provided(machine, remote, tip)))
  t.equal(all.filter(({ cached }) => !cached).length, 1)
  // A fetch is two requests: what there is, and what is wanted of it.
  t.ok(uploads() - before <= 2, `${uploads() - before} requests`)
  for (const { target } of all) await isWhole(t, target)
})

t.test('who has lost the lock of the shared tier has its commit, and publishes nothing', async t => {
  const { remote, tip, root, sharedRepo } = await setUpTiers(t, 2)
  const lost = AbortSignal.abort(new Error('the lock is lost'))
  const lock: Lock = { withLock: (_key, _options, work) => work(lost) }
  const warnings: string[] = []
  const shared = tierIn(join(sharedRepo, '../..'), { lock, warn: text => void warnings.push(text) })
  await isWhole(t, (await provided(cacheIn(`${root}-1`, world.git, { shared }), remote, tip)).target)
  t.strictSame(await keepRefs(sharedRepo).catch(() => []), [])
  t.strictSame(warnings, ['The shared clone cache could not be added to: the lock is lost'])
})

t.test('a shared tier that is damaged, foreign or read-only stands in nobody’s way', async t => {
  const { provide, other, tip, sharedRepo, warnings, grow } = await setUpTiers(t, 2)
  await provide(tip)
  const [pack = ''] = await packsIn(sharedRepo)
  await chmod(join(sharedRepo, 'objects/pack', `${pack}.pack`), 0o644)
  await truncate(join(sharedRepo, 'objects/pack', `${pack}.pack`), 100)
  const there = await provide(tip, other)
  t.equal(there.cached, false)
  t.match(warnings, [/is damaged/])
  await isWhole(t, there.target)
  await isWhole(t, sharedRepo, 'what was damaged is moved aside, and published anew')

  await rm(sharedRepo, { recursive: true })
  await writeFile(sharedRepo, 'foreign')
  const next = await grow()
  await isWhole(t, (await provide(next)).target)
  await isWhole(t, sharedRepo)
  t.equal(warnings.length, 1)

  await rm(sharedRepo, { recursive: true })
  await symlink('/proc/self', sharedRepo)
  await isWhole(t, (await provide(await grow())).target)
})

t.test('six machines at once, on a shared tier that is deleted under them', async t => {
  const { remote, other, commits, sharedRepo, root, warnings } = await setUpTiers(t, 6)
  const shared = tierIn(join(sharedRepo, '../..'), { warn: text => void warnings.push(text) })
  const machines = Array.from({ length: 6 }, (_, n) =>
    cacheIn(`${root}-${n}`, world.git, { shared, warn: text => void warnings.push(text) }),
  )
  const work = Promise.all(machines.flatMap(machine => commits.map(sha => provided(machine, remote, sha))))
  const deleting = (async () => {
    for (let n = 0; n < 4; n++)
      await rm(sharedRepo, { recursive: true, force: true, maxRetries: 9 }).catch(() => undefined)
  })()
  for (const { target } of await work) await isWhole(t, target)
  await deleting
  await provided(other, remote, commits[0] ?? '')
})

t.test('packs that others published stay where they are when one that has not got them publishes', async t => {
  const { provide, other, grow, root, remote, sharedRepo, commits, warnings } = await setUpTiers(t)
  for (let n = 0; n < 19; n++) await provide(await grow())
  const packs = await packsIn(sharedRepo)
  t.equal(packs.length, 19)
  await provide(await grow(), other)
  for (let n = 0; n < 3; n++) await provide(await grow(), other)
  t.same((await packsIn(sharedRepo)).filter(name => packs.includes(name)).sort(), packs.sort())
  const tier = tierIn(join(sharedRepo, '../..'))
  const third = cacheIn(`${root}-third`, world.git, { shared: tier })
  await isWhole(t, (await provided(third, remote, commits[5] ?? '')).target)
  t.same(warnings, [])
})

t.test('packs that became one are one in the shared tier, too', async t => {
  const { provide, other, grow, gitDir, sharedRepo, commits, warnings } = await setUpTiers(t)
  for (let n = 0; n < 21; n++) await provide(await grow())
  t.equal((await packsIn(gitDir)).length, 1)
  t.same(await packsIn(sharedRepo), await packsIn(gitDir))
  const before = uploads()
  await isWhole(t, (await provide(commits[7] ?? '', other)).target)
  t.equal(uploads(), before)
  t.same(warnings, [])
})

t.test('what is copied from the shared tier counts for the limit, and as used', async t => {
  const [root, shared] = [join(world.dir, 'took'), join(world.dir, 'took-shared')]
  const tier = (limitBytes: number) => tierIn(shared, { limitBytes })
  const publisher = cacheIn(`${root}-1`, world.git, { shared: tier(1e9) })
  const small = cacheIn(`${root}-2`, world.git, { shared: tier(1e9), limitBytes: 1 })
  const all: { remote: ReturnType<typeof parseRepository>; commit: string }[] = []
  for (let n = 0; n < 3; n++) {
    const { cloneUrl, commit } = await world.repo({ 'big.bin': randomBytes(10_000).toString('hex') })
    all.push({ remote: parseRepository(cloneUrl), commit })
    await provided(publisher, parseRepository(cloneUrl), commit)
  }
  const inTier = async (place: string): Promise<boolean[]> =>
    await Promise.all(all.map(async ({ remote }) => (await packsIn(join(place, cacheName(remote), 'repo'))).length > 0))
  const old = new Date(Date.now() - 3_600_000)
  for (const { remote } of all) await utimes(join(shared, cacheName(remote), 'repo/agenticore-cache'), old, old)
  for (const { remote, commit } of all.slice(0, 2)) t.equal((await provided(small, remote, commit)).cached, true)
  t.same(await inTier(`${root}-2`), [false, true, false])
  const { cloneUrl, commit } = await world.repo()
  const limitBytes =
    2 * (await packedBytes(join(shared, cacheName(all[0]?.remote ?? parseRepository('/x')), 'repo'))) + 4000
  await provided(cacheIn(`${root}-3`, world.git, { shared: tier(limitBytes) }), parseRepository(cloneUrl), commit)
  t.same(await inTier(shared), [true, true, false], 'the one that nobody has taken')
})
