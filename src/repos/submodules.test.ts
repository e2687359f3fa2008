import { randomUUID } from 'node:crypto'
import { mkdir, readdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { git, tryGit } from '../../test/fixtures/github/git.ts'
import { agentGit, message, never, openWorld } from '../../test/helpers/repos.ts'
import { addSubmodules, type SubmoduleLink } from '../../test/helpers/submodules.ts'
import { parseRepository } from '../jobs/repository.ts'
import { cacheName } from './cache.ts'

const world = await openWorld(t)

/** A repository with these submodules, and a file. */
async function withSubmodules(links: readonly SubmoduleLink[], then?: (tree: string) => Promise<void>) {
  const repo = await world.repo({ 'own.txt': 'own' })
  return { ...repo, commit: await addSubmodules(repo.path, join(world.dir, randomUUID()), links, then) }
}

const wanted = { checkout: { submodules: true } }

t.test('a damaged cache of a submodule is made anew', async t => {
  const inner = await world.repo({ 'inner.txt': randomUUID().repeat(50) })
  const outer = await withSubmodules([{ path: 'inner', url: inner.cloneUrl, commit: inner.commit }])
  await (await world.open(outer.cloneUrl, wanted)).workspace.dispose()
  const packs = join(world.cacheRoot, cacheName(parseRepository(inner.cloneUrl)), 'repo/objects/pack')
  await rm(packs, { recursive: true })
  await mkdir(packs)
  const { workspace } = await world.open(outer.cloneUrl, wanted)
  t.match(workspace.warnings, [/The clone cache was damaged, and is made anew/])
  t.match(await readFile(join(workspace.path, 'inner/inner.txt'), 'utf8'), /.{1800}/)
  t.equal(await git(workspace.path, ['status', '--porcelain']), '')
  await workspace.dispose()
})

t.test('submodules and theirs are checked out, each a repository of its own', async t => {
  const inner = await world.repo({ 'inner.txt': 'inner' })
  const middle = await withSubmodules([{ path: 'deep/inner', url: inner.cloneUrl, commit: inner.commit }])
  const name = new URL(middle.cloneUrl).pathname.split('/').at(-1)
  const outer = await withSubmodules([{ path: 'lib/middle', url: `../${name}`, commit: middle.commit }])
  const { workspace } = await world.open(outer.cloneUrl, wanted)
  t.same(workspace.warnings, [])
  const at = (path: string): string => join(workspace.path, path)
  t.equal(await readFile(at('lib/middle/own.txt'), 'utf8'), 'own')
  t.equal(await readFile(at('lib/middle/deep/inner/inner.txt'), 'utf8'), 'inner')
  t.equal(await git(workspace.path, ['status', '--porcelain']), '', 'nothing has changed')
  t.match(await git(workspace.path, ['submodule', 'status']), middle.commit)
  for (const path of ['lib/middle', 'lib/middle/deep/inner']) {
    t.match(await tryGit(at(path), ['fsck', '--full']), { code: 0 })
    t.equal(await git(at(path), ['status', '--porcelain']), '')
  }
  t.equal(await workspace.commit(message, never), undefined, 'no change')
  await writeFile(at('work'), 'w')
  await writeFile(at('lib/middle/own.txt'), 'changed')
  const change = await workspace.commit(message, never)
  const files = change && (await workspace.saveDiff(change, join(world.dir, 'sub.patch')))
  t.same(files, [{ path: 'work', added: 1, removed: 0 }], 'what is in a submodule is its own')
  await workspace.dispose()
})

t.test('what is not checked out is said', async t => {
  const sub = await world.repo()
  const { cloneUrl } = await withSubmodules([{ path: 'sub', url: sub.cloneUrl, commit: sub.commit }])
  const { workspace } = await world.open(cloneUrl)
  t.match(workspace.warnings, [/^A submodule is not checked out: the profile does not say `submodules: true`/])
  t.same(await readdir(join(workspace.path, 'sub')), [])
  await workspace.dispose()
})

t.test('one that cannot be had is left out, and said; the others are there', async t => {
  const sub = await world.repo({ 'a.txt': 'a' })
  const missing = '0123456789012345678901234567890123456789'
  const hit = join(world.dir, 'hit')
  const links = [
    { path: 'good', url: sub.cloneUrl, commit: sub.commit },
    { path: 'lost', url: sub.cloneUrl, commit: missing },
    { path: 'gone', url: `${sub.cloneUrl}-gone`, commit: sub.commit },
    { path: 'ext', url: `ext::touch ${hit}`, commit: sub.commit },
    { path: 'opt', url: `--upload-pack=touch ${hit}`, commit: sub.commit },
    { path: 'local', url: sub.path, commit: sub.commit },
    { path: 'up', url: '../../../../../../up', commit: sub.commit },
  ]
  const { cloneUrl } = await withSubmodules(links)
  const { workspace } = await world.open(cloneUrl, wanted)
  t.equal(await readFile(join(workspace.path, 'good/a.txt'), 'utf8'), 'a')
  t.match(
    workspace.warnings.toSorted(),
    ['ext', 'gone', 'local', 'lost', 'opt', 'up'].map(name => new RegExp(`^The submodule ${name} was left out: `)),
  )
  t.notOk((await readdir(world.dir)).includes('hit'))
  t.equal(await git(workspace.path, ['status', '--porcelain']), '')
  await workspace.dispose()
})

t.test('a submodule that .gitmodules does not describe is said to be left out', async t => {
  const sub = await world.repo({ 'a.txt': 'a' })
  for (const described of ['', '[submodule "s"]\n\tpath = ../s\n\turl = x\n', '[submodule "s"\n']) {
    const links = [{ path: 's', url: sub.cloneUrl, commit: sub.commit }]
    const { cloneUrl } = await withSubmodules(links, async tree => {
      await writeFile(join(tree, '.gitmodules'), described)
      await agentGit(tree, 'add', '.gitmodules')
    })
    const { workspace } = await world.open(cloneUrl, wanted)
    t.same(workspace.warnings, ['The submodule s was left out: .gitmodules does not say where it comes from'])
    await workspace.dispose()
  }
})

t.test('a path that leads out of the tree is not followed', async t => {
  const sub = await world.repo({ 'a.txt': 'a' })
  const outside = join(world.dir, 'outside')
  await git(world.dir, ['init', '--quiet', outside])
  // Index and .gitmodules disagree, as only somebody who means harm makes them.
  const { cloneUrl } = await withSubmodules([{ path: 'real', url: sub.cloneUrl, commit: sub.commit }], async tree => {
    await rename(join(tree, '.gitmodules'), join(tree, 'kept'))
    await symlink(outside, join(tree, 'link'))
    const lines = ['link/x', '../outside', '.git/modules', 'real/../../outside', '/etc'].map(
      (path, n) => `[submodule "s${n}"]\n\tpath = ${path}\n\turl = ${sub.cloneUrl}\n`,
    )
    await writeFile(join(tree, '.gitmodules'), lines.join(''))
    await agentGit(tree, 'add', '--all', '.')
  })
  const { workspace } = await world.open(cloneUrl, wanted)
  t.same(workspace.warnings, [], 'none of them is a submodule of the commit')
  t.same(await readdir(outside), ['.git'])
  await workspace.dispose()
})
