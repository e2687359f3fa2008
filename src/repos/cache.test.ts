import { mkdir, readdir, readFile, rename, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { git, tryGit } from '../../test/fixtures/github/git.ts'
import { agentGit, filesWith, never, openWorld, token } from '../../test/helpers/repos.ts'
import { parseRepository } from '../jobs/repository.ts'
import { CloneCache, cacheName } from './cache.ts'

const world = await openWorld(t)
const { github } = world

/** A root of its own for each test, and a bare origin with `count` commits, oldest first. */
async function setUp(t: { name: string }, count = 1) {
  const root = join(world.dir, t.name.replace(/\W+/g, '-'))
  const { cloneUrl, path, commit } = await world.repo()
  const commits = [commit]
  while (commits.length < count) {
    const parent = commits.at(-1) ?? ''
    commits.push(await agentGit(path, 'commit-tree', '-p', parent, '-m', `${commits.length}`, `${parent}^{tree}`))
  }
  const tip = commits.at(-1) ?? ''
  await git(path, ['update-ref', 'refs/heads/main', tip])
  const remote = parseRepository(cloneUrl)
  const ensure = (sha: string) => new CloneCache(root, world.git).ensure(remote, sha, never)
  return { root, remote, path, commits, tip, ensure, directory: join(root, cacheName(remote)) }
}

const keepRefs = async (gitDir: string) =>
  (await git(gitDir, ['for-each-ref', '--format=%(refname) %(objectname)'])).split('\n').sort()
const fsck = (gitDir: string) => tryGit(gitDir, ['fsck', '--full', '--strict'])

t.test('a commit is fetched once; after that the origin is not asked', async t => {
  const { ensure, tip, commits, directory } = await setUp(t, 2)
  const first = await ensure(tip)
  t.same(first, { gitDir: join(directory, 'repo'), cached: false })
  const before = github.requests.length
  t.same(await ensure(tip), { gitDir: first.gitDir, cached: true })
  t.equal(github.requests.length, before)
  t.same(await keepRefs(first.gitDir), [`refs/agenticore/keep/${tip} ${tip}`])
  t.equal((await ensure(commits[0] ?? '')).cached, false, 'another commit is pinned by a ref of its own')
  t.match(await fsck(first.gitDir), { code: 0 })
  t.same(await filesWith(directory, token, Buffer.from(`x-access-token:${token}`).toString('base64')), [])
})

t.test('ten at once, of one commit and of several, over several caches of one directory, all succeed', async t => {
  const { ensure, tip, commits, directory } = await setUp(t, 5)
  const same = await Promise.all(Array.from({ length: 10 }, () => ensure(tip)))
  t.same(new Set(same.map(({ gitDir }) => gitDir)), new Set([join(directory, 'repo')]))
  const gitDir = join(directory, 'repo')
  await Promise.all([...commits, ...commits].map(ensure))
  t.same(await keepRefs(gitDir), commits.map(sha => `refs/agenticore/keep/${sha} ${sha}`).sort())
  t.match(await fsck(gitDir), { code: 0 })
  t.same(await readdir(directory), ['repo'], 'no staging directory is left')
  for (const sha of commits) t.equal((await ensure(sha)).cached, true)
})

t.test('a directory, a file or a link in the place of the cache is moved aside with what it holds', async t => {
  const { ensure, tip, directory } = await setUp(t)
  const place = join(directory, 'repo')
  const elsewhere = join(world.dir, 'elsewhere')
  await mkdir(elsewhere)
  await writeFile(join(elsewhere, 'kept'), 'kept')
  await mkdir(place, { recursive: true })
  await writeFile(join(place, 'precious'), 'precious')
  t.equal((await ensure(tip)).cached, false)
  const clear = (name: string) => rename(place, join(directory, name))
  await clear('first')
  await writeFile(place, 'a file')
  t.equal((await ensure(tip)).cached, false)
  await clear('second')
  await symlink(elsewhere, place)
  t.equal((await ensure(tip)).cached, false)

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
  t.match(await fsck(place), { code: 0 })
})

t.test('ten who find something foreign move it aside once and all succeed', async t => {
  const { ensure, tip, directory } = await setUp(t)
  await mkdir(join(directory, 'repo'), { recursive: true })
  await writeFile(join(directory, 'repo', 'precious'), 'precious')
  await Promise.all(Array.from({ length: 10 }, () => ensure(tip)))
  const names = await readdir(directory)
  const aside = names.filter(name => name !== 'repo')
  t.equal(aside.length, 1)
  t.equal(await readFile(join(directory, aside[0] ?? '', 'precious'), 'utf8'), 'precious')
})

t.test('what an agent leaves in the cache does not run when something is fetched', async t => {
  const { ensure, commits, tip, root } = await setUp(t, 2)
  const { gitDir } = await ensure(commits[0] ?? '')
  const canary = join(root, 'canary')
  await mkdir(join(gitDir, 'hooks'))
  for (const hook of ['reference-transaction', 'post-fetch', 'pre-auto-gc']) {
    await writeFile(join(gitDir, 'hooks', hook), `#!/bin/sh\ntouch ${canary}\n`, { mode: 0o755 })
  }
  await writeFile(
    join(gitDir, 'config'),
    `[core]\n\tfsmonitor = touch ${canary}\n[credential]\n\thelper = !touch ${canary}\n`,
  )
  await ensure(tip)
  t.notOk((await readdir(root)).includes('canary'))
  await git(gitDir, ['cat-file', '-e', tip])
})

t.test('a keep ref never moves and outlives a force-push', async t => {
  const { ensure, tip, path, directory } = await setUp(t, 2)
  await ensure(tip)
  const other = await agentGit(path, 'commit-tree', '-m', 'rewritten', `${tip}^{tree}`)
  await git(path, ['update-ref', 'refs/heads/main', other])
  await git(path, ['reflog', 'expire', '--expire=now', '--all'])
  await git(path, ['prune', '--expire=now'])
  t.equal((await ensure(other)).cached, false)
  const gitDir = join(directory, 'repo')
  t.same(await keepRefs(gitDir), [tip, other].map(sha => `refs/agenticore/keep/${sha} ${sha}`).sort())
  t.equal(await git(gitDir, ['cat-file', '-t', tip]), 'commit', 'the old commit is there')
  t.match(await fsck(gitDir), { code: 0 })
  const before = github.requests.length
  t.equal((await ensure(tip)).cached, true)
  t.equal(github.requests.length, before)
})

t.test('a failed fetch says why and leaves a cache that works', async t => {
  const { ensure, tip, directory } = await setUp(t)
  github.fail({ method: 'POST', path: /git-upload-pack/, status: 404 })
  await t.rejects(ensure(tip), { code: 'origin_not_found' })
  t.same(await keepRefs(join(directory, 'repo')), [''])
  t.equal((await ensure(tip)).cached, false)
  t.equal((await ensure(tip)).cached, true)
})

t.test('an abort ends the fetch with its reason and leaves a cache that works', async t => {
  const { root, remote, tip, ensure } = await setUp(t)
  const reason = new Error('enough')
  await t.rejects(new CloneCache(root, world.git).ensure(remote, tip, AbortSignal.abort(reason)), reason)
  t.equal((await ensure(tip)).cached, false)
})

t.test('one repository has one cache whatever way it is spelled', async t => {
  const name = (url: string) => cacheName(parseRepository(url))
  t.match(name('https://github.com/o/r'), /^[0-9a-f]{12}$/)
  t.equal(name('https://GitHub.com/o/r.git/'), name('https://github.com/o/r'))
  t.not(name('https://github.com/o/r2'), name('https://github.com/o/r'))
})
