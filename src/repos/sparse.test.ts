import { mkdir, readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { git } from '../../test/fixtures/github/git.ts'
import { agentCommit, filesOf, message, never, openWorld } from '../../test/helpers/repos.ts'
import { sparsePatterns } from './sparse.ts'

const world = await openWorld(t)
const files = {
  'top.txt': 'top',
  'src/a.txt': 'a',
  'src/deep/b.txt': 'b',
  'docs/guide/c.txt': 'c',
  'docs/d.txt': 'd',
  'vendor/big.txt': 'big',
  'vendor/deep/bigger.txt': 'bigger',
}

t.test('the directories, the files beside the way to them, and the files at the top', async t => {
  const { cloneUrl } = await world.repo(files)
  const { workspace } = await world.open(cloneUrl, { checkout: { sparse: ['src', 'docs/guide/', 'src/deep'] } })
  t.same((await readdir(workspace.path)).sort(), ['.git', 'docs', 'src', 'top.txt'])
  t.same((await readdir(join(workspace.path, 'docs'))).sort(), ['d.txt', 'guide'])
  t.same((await readdir(join(workspace.path, 'src'))).sort(), ['a.txt', 'deep'])
  t.equal(await git(workspace.path, ['status', '--porcelain']), '')
  t.equal(await git(workspace.path, ['sparse-checkout', 'list']), 'docs/guide\nsrc', 'git reads it as its own')
  await workspace.dispose()
})

t.test('a directory that is not there is said', async t => {
  const { cloneUrl } = await world.repo(files)
  const { workspace } = await world.open(cloneUrl, { checkout: { sparse: ['src', 'nosuch', 'top.txt'] } })
  t.same(
    workspace.warnings,
    ['nosuch', 'top.txt'].map(name => `There is no directory ${name}, which the profile's \`sparse\` names.`),
  )
  await workspace.dispose()
})

t.test('what was not checked out is not missing from the work, committed by the agent or not', async t => {
  for (const byAgent of [false, true]) {
    const { cloneUrl, path } = await world.repo(files)
    const { workspace } = await world.open(cloneUrl, { checkout: { sparse: ['src'] } })
    const at = (name: string): string => join(workspace.path, name)
    await writeFile(at('src/a.txt'), 'changed')
    await rm(at('src/deep'), { recursive: true })
    await writeFile(at('top.txt'), 'new top')
    if (byAgent) await agentCommit(workspace.path, 'mine')
    await mkdir(at('elsewhere'))
    await writeFile(at('elsewhere/new.txt'), 'new')
    await mkdir(at('vendor'))
    await writeFile(at('vendor/added.txt'), 'added')
    const change = await workspace.commit(message, never)
    t.ok(change)
    if (!change) return
    await workspace.push(change, never)
    const { 'src/deep/b.txt': _, ...left } = files
    t.same(
      await filesOf(path, workspace.branch),
      {
        ...left,
        'src/a.txt': 'changed',
        'top.txt': 'new top',
        'elsewhere/new.txt': 'new',
        'vendor/added.txt': 'added',
      },
      byAgent ? 'committed' : 'left',
    )
    await workspace.dispose()
  }
})

t.test('patterns in cone mode', t => {
  t.equal(sparsePatterns(['a/b/c', 'a/b', 'a/d', 'e//f/']), '/*\n!/*/\n/a/\n!/a/*/\n/e/\n!/e/*/\n/a/b/\n/a/d/\n/e/f/\n')
  t.end()
})
