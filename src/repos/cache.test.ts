import { randomBytes } from 'node:crypto'
import { chmod, mkdir, readdir, readFile, rename, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { git } from '../../test/fixtures/github/git.ts'
import { cachesIn, isWhole, keepRefs } from '../../test/helpers/caches.ts'
import { agentGit, cacheIn, checksums, filesWith, openWorld, token } from '../../test/helpers/repos.ts'
import { parseRepository } from '../jobs/repository.ts'
import { cacheName } from './cache.ts'
import { packedBytes, packsIn } from './packs.ts'

const world = await openWorld(t)
const { github } = world
const { setUp, provided } = cachesIn(world)

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
