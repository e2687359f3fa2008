import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdir, readFile, stat, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { git } from '../../test/fixtures/github/git.ts'
import { attributes, nameOf, pointerTo, noGitLfs as skip } from '../../test/helpers/lfs.ts'
import { agentCommit, agentGit, everythingBelow, message, never, openWorld, token } from '../../test/helpers/repos.ts'

const world = await openWorld(t)
const wanted = { checkout: { lfs: true } }
/** A repository with one content in LFS, and what else is to be in it. */
async function withLfs(files: Readonly<Record<string, string>> = {}) {
  const content = randomBytes(3000)
  const repo = await world.repo({ '.gitattributes': attributes, 'a.bin': pointerTo(content), 'a.txt': 'a\n', ...files })
  repo.lfs.set(nameOf(content), content)
  return { ...repo, content }
}

const cacheFiles = async (): Promise<string[]> =>
  (await everythingBelow(world.cacheRoot)).filter(path => /\/lfs\/objects\/..\/..\/./.test(path))

t.test('files in LFS are said to be pointers unless the profile wants them', async t => {
  for (const [name, where] of [
    ['.gitattributes', ''],
    ['deep/er/.gitattributes', 'deep/er/'],
  ] as const) {
    const pointer = pointerTo(Buffer.from('x'))
    const { cloneUrl } = await world.repo({ [name]: attributes, [`${where}a.bin`]: pointer })
    const { workspace } = await world.open(cloneUrl)
    t.same(workspace.warnings, ['Files in Git LFS are pointers: the profile does not say `lfs: true`.'])
    t.equal(await readFile(join(workspace.path, where, 'a.bin'), 'utf8'), pointer)
    t.equal(await workspace.commit(message, never), undefined)
    await workspace.dispose()
  }
  const { cloneUrl } = await world.repo({ 'deep/.gitattributes': '* text=auto\n', 'a.txt': 'filter=lfs\n' })
  const { workspace } = await world.open(cloneUrl)
  t.same(workspace.warnings, [], 'other attributes are nothing to speak of')
  await workspace.dispose()
})

t.test('a profile that wants them gets them, from the origin once', { skip }, async t => {
  const { cloneUrl, content } = await withLfs()
  for (const round of ['cold', 'warm']) {
    const before = world.github.requests.length
    const { workspace } = await world.open(cloneUrl, wanted)
    t.same(workspace.warnings, [], round)
    t.same(await readFile(join(workspace.path, 'a.bin')), content)
    t.equal(await git(workspace.path, ['status', '--porcelain']), '', 'nothing has changed')
    t.equal(await workspace.commit(message, never), undefined)
    const asked = world.github.requests.slice(before).filter(({ path }) => path.includes('/info/lfs/'))
    t.equal(asked.length, round === 'cold' ? 2 : 0, 'one question, one content')
    await workspace.dispose()
  }
})

t.test("what jobs have in common is nobody's to write", { skip }, async t => {
  const { cloneUrl, content } = await withLfs()
  const { workspace } = await world.open(cloneUrl, wanted)
  const path = (await cacheFiles()).find(each => each.endsWith(nameOf(content))) ?? ''
  t.equal((await stat(join(world.cacheRoot, path))).mode & 0o777, 0o444)
  await writeFile(join(workspace.path, 'a.bin'), 'changed')
  t.same(await readFile(join(world.cacheRoot, path)), content)
  await workspace.dispose()
})

t.test('a content that is cut off in the cache is fetched again', { skip }, async t => {
  const { cloneUrl, content } = await withLfs()
  const first = await world.open(cloneUrl, wanted)
  await first.workspace.dispose()
  const path = (await cacheFiles()).find(each => each.endsWith(nameOf(content))) ?? ''
  await truncate(join(world.cacheRoot, path), 10)
  const { workspace } = await world.open(cloneUrl, wanted)
  t.same(workspace.warnings, [])
  t.same(await readFile(join(workspace.path, 'a.bin')), content)
  await workspace.dispose()
})

t.test('new contents go to the origin, with the branch', { skip }, async t => {
  for (const how of ['left in the tree', 'committed'] as const) {
    const { cloneUrl, path, lfs } = await withLfs()
    const { workspace } = await world.open(cloneUrl, wanted)
    const made = randomBytes(2000)
    await mkdir(join(workspace.path, 'deep'))
    await writeFile(join(workspace.path, 'deep/new.bin'), made)
    if (how === 'committed') await agentCommit(workspace.path, 'by the agent')
    const change = await workspace.commit(message, never)
    if (!change) throw new Error('nothing to push')
    t.same(change.unread, [])
    await workspace.push(change, never)
    t.equal(await git(path, ['show', `${workspace.branch}:deep/new.bin`]), pointerTo(made).trimEnd(), how)
    t.same(lfs.get(nameOf(made)), made, how)
    await workspace.dispose()
  }
})

t.test('an edit of one is a new content', { skip }, async t => {
  const { cloneUrl, path, lfs, content } = await withLfs()
  const { workspace } = await world.open(cloneUrl, wanted)
  const edited = Buffer.from(content).fill(7)
  await writeFile(join(workspace.path, 'a.bin'), edited)
  const change = await workspace.commit(message, never)
  if (!change) throw new Error('nothing to push')
  await workspace.push(change, never)
  t.equal(await git(path, ['show', `${workspace.branch}:a.bin`]), pointerTo(edited).trimEnd())
  t.same(lfs.get(nameOf(edited)), edited)
  await workspace.dispose()
})

t.test('an origin on this disk works as well, and stays as it is', { skip }, async t => {
  const content = randomBytes(500)
  const origin = join(world.dir, 'local.git')
  const work = join(world.dir, 'local-work')
  await git('/', ['init', '--quiet', '--bare', '--initial-branch=main', origin])
  await git('/', ['clone', '--quiet', origin, work])
  await agentGit(work, 'config', 'filter.lfs.clean', 'git-lfs clean -- %f')
  await writeFile(join(work, '.gitattributes'), attributes)
  await writeFile(join(work, 'a.bin'), content)
  await agentCommit(work, 'first')
  await agentGit(work, 'lfs', 'push', 'origin', 'HEAD')
  await agentGit(work, 'push', '--quiet', 'origin', 'HEAD:main')
  const kept = join(origin, 'lfs/objects', nameOf(content).slice(0, 2), nameOf(content).slice(2, 4), nameOf(content))
  const { mode } = await stat(kept)
  const { workspace } = await world.open(origin, wanted)
  t.same(workspace.warnings, [])
  t.same(await readFile(join(workspace.path, 'a.bin')), content)
  t.equal((await stat(kept)).mode, mode)
  await writeFile(join(workspace.path, 'b.bin'), 'new')
  const change = await workspace.commit(message, never)
  if (!change) throw new Error('nothing to push')
  await workspace.push(change, never)
  t.ok((await everythingBelow(join(origin, 'lfs'))).some(each => each.endsWith(nameOf(Buffer.from('new')))))
  await workspace.dispose()
})

t.test('what the origin does not give stays a pointer, and is said', { skip }, async t => {
  const { cloneUrl, content, lfs } = await withLfs()
  lfs.clear()
  const { workspace } = await world.open(cloneUrl, wanted)
  t.match(workspace.warnings, [/^Some files in Git LFS are pointers in the working tree: .*Object does not exist/])
  t.equal(await readFile(join(workspace.path, 'a.bin'), 'utf8'), pointerTo(content))
  t.equal(await git(workspace.path, ['status', '--porcelain']), '')
  await workspace.dispose()
})

t.test('what the repository says of where its contents are is not heeded', { skip }, async t => {
  const elsewhere = 'http://127.0.0.1:9/lfs'
  const { cloneUrl, content } = await withLfs({
    '.lfsconfig': `[lfs]\n\turl = ${elsewhere}\n\tpushurl = ${elsewhere}\n`,
  })
  const { workspace } = await world.open(cloneUrl, wanted)
  t.same(workspace.warnings, [])
  t.same(await readFile(join(workspace.path, 'a.bin')), content)
  await writeFile(join(workspace.path, 'b.bin'), 'new')
  const change = await workspace.commit(message, never)
  if (!change) throw new Error('nothing to push')
  await workspace.push(change, never)
  await workspace.dispose()
})

t.test('an upload that is refused is the push that is', { skip }, async t => {
  const { cloneUrl } = await withLfs()
  const { workspace } = await world.open(cloneUrl, wanted)
  await writeFile(join(workspace.path, 'b.bin'), 'new')
  const change = await workspace.commit(message, never)
  if (!change) throw new Error('nothing to push')
  world.github.fail({ path: /\/info\/lfs\/objects\/batch$/, status: 403 })
  await t.rejects(workspace.push(change, never), { code: 'push_denied', message: /Authorization error/ })
  await workspace.push(change, never)
  await workspace.dispose()
})

t.test('without git-lfs on the PATH', async t => {
  const bin = t.testdir()
  const real = execFileSync('sh', ['-c', 'command -v git']).toString().trim()
  await writeFile(
    join(bin, 'git'),
    `#!/bin/sh\n[ "$1" = lfs ] && { echo "git: 'lfs' is not a git command." >&2; exit 1; }\nexec ${real} "$@"\n`,
    { mode: 0o755 },
  )
  const without = world.gitWith({ token, path: `${bin}:/usr/bin:/bin` })
  const { cloneUrl } = await withLfs()
  await t.rejects(world.open(cloneUrl, { ...wanted, git: without }), { code: 'lfs_missing' })
  const plain = await world.repo()
  const { workspace } = await world.open(plain.cloneUrl, { ...wanted, git: without })
  t.same(workspace.warnings, [], 'a repository without needs none')
  await workspace.dispose()
})
