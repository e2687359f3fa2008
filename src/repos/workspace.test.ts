import { appendFile, chmod, mkdir, rm, symlink, unlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { git } from '../../test/fixtures/github/git.ts'
import { agentCommit, agentGit, message, never, openWorld } from '../../test/helpers/repos.ts'
import { treesIn } from '../../test/helpers/trees.ts'

const world = await openWorld(t)
const { setUp, baseFiles } = await treesIn(world)

t.test('nothing changed is nothing to deliver, also when the agent committed and took it back', async t => {
  const { workspace, at } = await setUp(t)
  t.equal(await workspace.commit(message, never), undefined)
  await writeFile(at('noise.log'), 'ignored')
  t.equal(await workspace.commit(message, never), undefined, 'ignored files are no change')
  await writeFile(at('a.txt'), 'other\n')
  await agentCommit(workspace.path, 'forth')
  await writeFile(at('a.txt'), 'a\n')
  await agentCommit(workspace.path, 'back')
  t.equal(await workspace.commit(message, never), undefined)
})

t.test('edits, new files, deletions, modes, links and binaries become one commit on the base', async t => {
  const { workspace, at, path, deliver } = await setUp(t)
  await writeFile(at('a.txt'), 'z\n')
  await rm(at('deep'), { recursive: true })
  await writeFile(at('new.txt'), 'one\ntwo\n')
  await chmod(at('run.sh'), 0o755)
  await symlink('a.txt', at('link'))
  await writeFile(at('picture.bin'), Buffer.from([0, 1, 2, 255]))
  await mkdir(at('out'))
  await writeFile(at('out/built.js'), 'ignored')
  const delivered = await deliver()
  const { change } = delivered ?? {}
  t.same(delivered?.changed, [
    { path: 'a.txt', added: 1, removed: 1 },
    { path: 'deep/b.txt', added: 0, removed: 1 },
    { path: 'link', added: 1, removed: 0 },
    { path: 'new.txt', added: 2, removed: 0 },
    { path: 'picture.bin' },
    { path: 'run.sh', added: 0, removed: 0 },
  ])
  t.equal(delivered?.tip, change?.sha)
  const { 'a.txt': _, 'deep/b.txt': __, 'run.sh': ___, ...kept } = baseFiles
  t.match(delivered?.files, {
    ...kept,
    'a.txt': 'z',
    'new.txt': 'one\ntwo',
    '100755 run.sh': '#!/bin/sh',
    '120000 link': 'a.txt',
  })
  t.notOk('deep/b.txt' in (delivered?.files ?? {}))
  t.notOk('out/built.js' in (delivered?.files ?? {}))
  t.same(delivered?.history, [message.subject])
  const shown = await git(path, [
    'log',
    '-1',
    '--format=%P|%an <%ae>|%cn|%s|%(trailers:only,unfold)',
    change?.sha ?? '',
  ])
  t.equal(
    shown.trim(),
    `${workspace.baseSha}|agenticore <runner@example.test>|agenticore|${message.subject}|${message.trailer}`,
  )
})

t.test('an edit of the same size in the second of the checkout is seen', async t => {
  const { at, deliver } = await setUp(t)
  await writeFile(at('a.txt'), 'b\n')
  t.equal((await deliver())?.files['a.txt'], 'b')
})

t.test('any file name is delivered as it is', async t => {
  const { at, deliver } = await setUp(t)
  const names = [
    'new\nline',
    'tab\there',
    '"quoted"',
    "it's",
    'ünï/çødé 🚀',
    '-rf',
    '--all',
    ':(top)x',
    '*',
    ' ',
    'a\\b',
    '#',
  ]
  await mkdir(at('ünï'))
  for (const name of names) await writeFile(at(name), name)
  const delivered = await deliver()
  t.same(delivered?.changed.map(({ path }) => path).sort(), [...names].sort())
  for (const name of names) t.equal(delivered?.files[name], name.trimEnd())
})

t.test("the agent's own commits are delivered as they are when nothing is left over", async t => {
  const { workspace, at, tree, deliver } = await setUp(t)
  await writeFile(at('one'), '1')
  await agentCommit(tree, 'one')
  await writeFile(at('two'), '2')
  const head = await agentCommit(tree, 'two')
  const delivered = await deliver()
  t.equal(delivered?.change.sha, head)
  t.equal(delivered?.tip, head)
  t.same(delivered?.history, ['one', 'two'])
  t.same(
    delivered?.changed.map(({ path }) => path),
    ['one', 'two'],
  )
  t.equal((await workspace.commit(message, never))?.sha, head, 'asking again gives the same')
})

t.test("what is left over after the agent's commits is one commit on top", async t => {
  const { at, tree, path, deliver } = await setUp(t)
  await writeFile(at('one'), '1')
  const head = await agentCommit(tree, 'one')
  await writeFile(at('rest'), 'r')
  await unlink(at('a.txt'))
  const delivered = await deliver()
  t.same(delivered?.history, ['one', message.subject])
  t.equal(await git(path, ['rev-parse', `${delivered?.change.sha}^`]), head)
  t.match(await git(path, ['log', '-1', '--format=%B', delivered?.change.sha ?? '']), message.trailer)
  t.match(delivered?.files, { one: '1', rest: 'r' })
  t.notOk('a.txt' in (delivered?.files ?? {}))
})

t.test("an ignored file that the agent's commit adds by force stays in it", async t => {
  const { at, tree, deliver } = await setUp(t)
  await writeFile(at('wanted.log'), 'w')
  await agentGit(tree, 'add', '--force', 'wanted.log')
  const head = await agentCommit(tree, 'by force')
  const delivered = await deliver()
  t.equal(delivered?.change.sha, head)
  t.equal(delivered?.files['wanted.log'], 'w')
})

t.test("a file that the agent's commit stops tracking and ignores stays out of it", async t => {
  const { at, tree, deliver } = await setUp(t)
  await appendFile(at('.gitignore'), 'deep/\n')
  await agentGit(tree, 'rm', '--quiet', '-r', '--cached', 'deep')
  const head = await agentCommit(tree, 'untrack')
  const delivered = await deliver()
  t.equal(delivered?.change.sha, head)
  t.notOk('deep/b.txt' in (delivered?.files ?? {}))
})

t.test("the agent's commits are found on another branch, detached, packed and collected", async t => {
  const ways: Record<string, (tree: string) => Promise<unknown>> = {
    'another branch': tree => agentGit(tree, 'switch', '--quiet', '--create', 'feature/other'),
    'a branch of an unusual name': tree => agentGit(tree, 'switch', '--quiet', '--create', 'fix/#12+über@home'),
    'no branch': tree => agentGit(tree, 'switch', '--quiet', '--detach'),
    'packed refs': tree => agentGit(tree, 'pack-refs', '--all'),
    'collected garbage': tree => agentGit(tree, 'gc', '--quiet', '--prune=now'),
    'repacked everything': tree => agentGit(tree, 'repack', '-a', '-d', '--quiet'),
    'a second working tree': tree => agentGit(tree, 'worktree', 'add', '--quiet', '--detach', `${tree}.second`),
  }
  for (const [name, way] of Object.entries(ways)) {
    const { at, tree, deliver } = await setUp(t)
    await writeFile(at('one'), '1')
    const head = await agentCommit(tree, 'one')
    await way(tree)
    const delivered = await deliver()
    t.equal(delivered?.change.sha, head, name)
    t.same(delivered?.history, ['one'], name)
    await rm(`${tree}.second`, { recursive: true, force: true })
  }
})

t.test('a history that did not grow out of the base becomes one commit on it', async t => {
  const ways: Record<string, (tree: string) => Promise<unknown>> = {
    async orphan(tree) {
      await agentGit(tree, 'switch', '--quiet', '--orphan', 'fresh')
      await writeFile(join(tree, 'work'), 'w')
      await agentCommit(tree, 'orphan')
    },
    async 'another root'(tree) {
      const root = await agentGit(tree, 'commit-tree', '-m', 'root', 'HEAD^{tree}')
      await agentGit(tree, 'reset', '--quiet', '--hard', root)
      await writeFile(join(tree, 'work'), 'w')
      await agentCommit(tree, 'on another root')
    },
    async 'a repository of its own'(tree) {
      await rm(join(tree, '.git'), { recursive: true })
      await agentGit(tree, 'init', '--quiet')
      await writeFile(join(tree, 'work'), 'w')
      await agentCommit(tree, 'anew')
    },
    async 'a tree for a head'(tree) {
      await writeFile(join(tree, 'work'), 'w')
      await writeFile(join(tree, '.git/HEAD'), `${await agentGit(tree, 'rev-parse', 'HEAD^{tree}')}\n`)
    },
    async 'a head that is not there'(tree) {
      await writeFile(join(tree, 'work'), 'w')
      await writeFile(join(tree, '.git/HEAD'), `${'e'.repeat(40)}\n`)
    },
  }
  for (const [name, way] of Object.entries(ways)) {
    const { tree, deliver } = await setUp(t)
    await way(tree)
    const delivered = await deliver()
    t.same(delivered?.history, [message.subject], name)
    t.equal(delivered?.files.work, 'w', name)
  }
})

t.test('a patch gives the same tree when it is applied to the base, binary files included', async t => {
  const { workspace, at, path, deliver } = await setUp(t)
  await writeFile(at('.gitattributes'), '*.txt diff=upper\n*.bin binary\n')
  await writeFile(at('a.txt'), 'z\r\nno newline at the end')
  await rm(at('deep'), { recursive: true })
  await writeFile(at('new\nname "ü"'), 'x\n')
  await writeFile(at('picture.bin'), Buffer.from(Array.from({ length: 5000 }, (_, n) => (n * 7919) % 256)))
  await chmod(at('run.sh'), 0o755)
  await symlink('run.sh', at('link'))
  const delivered = await deliver()
  const { change } = delivered ?? {}
  const patch = join(world.dir, 'diff.patch')
  const applied = join(world.dir, 'applied')
  await git(world.dir, ['clone', '--quiet', '--no-checkout', path, applied])
  await git(applied, ['checkout', '--quiet', workspace.baseSha])
  await git(applied, ['apply', '--index', '--whitespace=nowarn', patch])
  t.equal(await git(applied, ['write-tree']), await git(path, ['rev-parse', `${change?.sha}^{tree}`]))
})
