import { appendFile, chmod, lstat, mkdir, rename, rm, symlink, unlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { branchTip, git, tryGit } from '../../test/fixtures/github/git.ts'
import {
  agentCommit,
  agentGit,
  filesOf,
  filesWith,
  holdPipe,
  message,
  never,
  openWorld,
} from '../../test/helpers/repos.ts'
import type { Change, Workspace } from '../jobs/workspace.ts'

const world = await openWorld(t)
const origin = await world.repo()
const baseFiles = { 'a.txt': 'a', 'deep/b.txt': 'b', 'run.sh': '#!/bin/sh', '.gitignore': '*.log\nout/' }

/** A fresh job's tree; `deliver` does with it what the runner does when the agent is done. */
async function setUp(t: { after(clean: () => Promise<void>): void }, { cloneUrl, path } = origin) {
  const { workspace } = await world.open(cloneUrl)
  t.after(() => workspace.dispose())
  const tree = workspace.path
  const at = (name: string) => join(tree, name)
  async function deliver() {
    const change = await workspace.commit(message, never)
    if (!change) return undefined
    await workspace.push(change, never)
    const tip = await branchTip(path, workspace.branch)
    const changed = await workspace.saveDiff(change, join(world.dir, 'diff.patch'))
    return {
      change,
      changed,
      tip,
      files: await filesOf(path, change.sha),
      history: await historyOf(path, change, workspace),
    }
  }
  return { cloneUrl, path, workspace, tree, at, deliver }
}

/** Subjects from the base, which is left out, to the delivered commit. */
async function historyOf(path: string, change: Change, workspace: Workspace): Promise<string[]> {
  const log = await git(path, ['log', '--reverse', '--format=%s', change.sha, `^${workspace.baseSha}`])
  return log.split('\n')
}

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

t.test('the work is delivered, and nothing from elsewhere, whatever becomes of .git', { timeout: 30_000 }, async t => {
  const elsewhere = join(world.dir, 'elsewhere')
  await git(world.dir, ['init', '--quiet', elsewhere])
  await writeFile(join(elsewhere, 'confidential'), 'their secret')
  await agentCommit(elsewhere, 'their work')
  const remote = (path: string) => join(elsewhere, path)
  const instead = async (path: string, put: () => Promise<unknown>) => {
    await rename(path, `${path}.log`)
    await put()
  }
  const pipe = (path: string) => agentGit('/', '-c', `alias.pipe=!mkfifo '${path}'`, 'pipe')
  const ways: Record<string, (gitDir: string) => Promise<unknown>> = {
    deleted: gitDir => rm(gitDir, { recursive: true }),
    'a file': gitDir => instead(gitDir, () => writeFile(gitDir, `gitdir: ${remote('.git')}\n`)),
    'a link to another repository': gitDir => instead(gitDir, () => symlink(remote('.git'), gitDir)),
    'a pipe': gitDir => instead(gitDir, () => pipe(gitDir)),
    'HEAD deleted': gitDir => unlink(join(gitDir, 'HEAD')),
    'HEAD a directory': gitDir => instead(join(gitDir, 'HEAD'), () => mkdir(join(gitDir, 'HEAD'))),
    'HEAD a link': gitDir => instead(join(gitDir, 'HEAD'), () => symlink(remote('.git/HEAD'), join(gitDir, 'HEAD'))),
    'HEAD a pipe': gitDir => instead(join(gitDir, 'HEAD'), () => pipe(join(gitDir, 'HEAD'))),
    'HEAD a pipe that is held open': gitDir =>
      instead(join(gitDir, 'HEAD'), async () => {
        await pipe(join(gitDir, 'HEAD'))
        const held = await holdPipe(join(gitDir, 'HEAD'))
        t.after(() => held.close())
      }),
    'HEAD a device': gitDir => instead(join(gitDir, 'HEAD'), () => symlink('/dev/zero', join(gitDir, 'HEAD'))),
    'HEAD out of the refs': gitDir =>
      writeFile(join(gitDir, 'HEAD'), 'ref: refs/heads/../../../../elsewhere/.git/HEAD\n'),
    'HEAD nonsense': gitDir => writeFile(join(gitDir, 'HEAD'), Buffer.alloc(5000, 7)),
    'refs a link': gitDir => instead(join(gitDir, 'refs'), () => symlink(remote('.git/refs'), join(gitDir, 'refs'))),
    'objects a link': gitDir =>
      instead(join(gitDir, 'objects'), () => symlink(remote('.git/objects'), join(gitDir, 'objects'))),
    'objects deleted': gitDir => rm(join(gitDir, 'objects'), { recursive: true }),
    'index nonsense': gitDir => writeFile(join(gitDir, 'index'), 'nonsense'),
    'alternates to another repository': async gitDir => {
      await appendFile(join(gitDir, 'objects/info/alternates'), `${remote('.git/objects')}\n`)
      await writeFile(join(gitDir, 'HEAD'), await git(elsewhere, ['rev-parse', 'HEAD']))
    },
    'a lock left behind': gitDir => writeFile(join(gitDir, 'index.lock'), ''),
  }
  for (const [name, way] of Object.entries(ways)) {
    await t.test(name, async t => {
      const { at, path, workspace, deliver } = await setUp(t)
      await writeFile(at('work'), 'w')
      await way(at('.git'))
      const delivered = await deliver()
      t.same(delivered?.changed, [{ path: 'work', added: 1, removed: 0 }])
      t.same(delivered?.files, { ...baseFiles, work: 'w' })
      t.same(delivered?.history, [message.subject])
      t.match(await tryGit(path, ['fsck', '--full']), { code: 0 })
      await workspace.dispose()
      t.equal(await git(elsewhere, ['status', '--porcelain']), '', 'the other repository is as it was')
    })
  }
})

t.test('refs reached by a link are not read', async t => {
  const { cloneUrl, tree, at, deliver } = await setUp(t)
  const fork = join(world.dir, 'fork')
  await git(world.dir, ['clone', '--quiet', cloneUrl, fork])
  await git(fork, ['switch', '--quiet', '--create', 'theirs'])
  await writeFile(join(fork, 'confidential'), 'their secret')
  await agentCommit(fork, 'their work')
  await appendFile(at('.git/objects/info/alternates'), `${join(fork, '.git/objects')}\n`)
  await rm(at('.git/refs/heads'), { recursive: true })
  await symlink(join(fork, '.git/refs/heads'), at('.git/refs/heads'))
  await writeFile(at('.git/HEAD'), 'ref: refs/heads/theirs\n')
  await writeFile(join(tree, 'work'), 'w')
  t.same((await deliver())?.history, [message.subject])
})

t.test('a tree that became a link to another directory is not delivered from there', async t => {
  const { tree, workspace, path } = await setUp(t)
  const private_ = join(world.dir, 'private')
  await mkdir(private_)
  await writeFile(join(private_, 'confidential'), 'their secret')
  await rename(tree, `${tree}.moved`)
  await symlink(private_, tree)
  const change = await workspace.commit(message, never).catch((error: unknown) => {
    t.match(error, { code: 'git_failed' })
  })
  const changed = change ? await workspace.saveDiff(change, join(world.dir, 'diff.patch')) : []
  t.notOk(changed.some(file => file.path === 'confidential'))
  await workspace.dispose()
  t.same(await filesWith(private_, 'their secret'), ['confidential'], 'disposing removes the link only')
  await rm(`${tree}.moved`, { recursive: true })
  t.equal(await branchTip(path, workspace.branch), undefined)
})

t.test('a nested repository does not stand in the way of the rest', async t => {
  const { at, tree, deliver } = await setUp(t)
  for (const name of ['without', 'with']) {
    await agentGit(tree, 'init', '--quiet', name)
    await writeFile(at(`${name}/file`), 'nested')
  }
  const nested = await agentCommit(at('with'), 'nested')
  await mkdir(at('odd/.git'), { recursive: true })
  await writeFile(at('odd/file'), 'odd')
  await writeFile(at('zz'), 'after them')
  const delivered = await deliver()
  t.equal(delivered?.files.zz, 'after them')
  t.equal(delivered?.files['160000 with'], nested)
  t.same(
    delivered?.changed.filter(file => file.isRepository).map(file => file.path),
    ['with'],
  )
  t.notOk(Object.keys(delivered?.files ?? {}).some(path => path.includes('without')))
})

t.test('what cannot be a file of a commit does not stand in the way of the rest', async t => {
  const { at, deliver } = await setUp(t)
  await agentGit('/', '-c', `alias.pipe=!mkfifo '${at('pipe')}'`, 'pipe')
  await unlink(at('a.txt'))
  await agentGit('/', '-c', `alias.pipe=!mkfifo '${at('a.txt')}'`, 'pipe')
  await writeFile(at('zz'), 'after them')
  const delivered = await deliver()
  t.equal(delivered?.files.zz, 'after them')
  t.notOk('pipe' in (delivered?.files ?? {}))
  t.ok((await lstat(at('pipe'))).isFIFO())
})

t.test('a submodule that was checked out by half does not stand in the way of the rest', async t => {
  const { path, cloneUrl, at, workspace, tree } = await setUp(t, await world.repo())
  await writeFile(at('.gitmodules'), `[submodule "sub"]\n\tpath = sub\n\turl = ${cloneUrl}\n`)
  await agentGit(tree, 'add', '.gitmodules')
  await agentGit(tree, 'update-index', '--add', '--cacheinfo', `160000,${workspace.baseSha},sub`)
  await agentGit(tree, 'commit', '--quiet', '--message', 'a submodule')
  await agentGit(tree, 'push', '--quiet', path, 'HEAD:main')
  const { workspace: next } = await world.open(cloneUrl)
  t.after(() => next.dispose())
  t.equal(await next.commit(message, never), undefined, 'a submodule that was not checked out is no change')
  await mkdir(join(next.path, 'sub/.git'), { recursive: true })
  await writeFile(join(next.path, 'work'), 'w')
  const change = await next.commit(message, never)
  const changed = change && (await next.saveDiff(change, join(world.dir, 'diff.patch')))
  t.same(changed, [{ path: 'work', added: 1, removed: 0 }])
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
