import { appendFile, lstat, mkdir, rename, rm, symlink, unlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { branchTip, git, tryGit } from '../../test/fixtures/github/git.ts'
import { agentCommit, agentGit, filesWith, holdPipe, message, never, openWorld } from '../../test/helpers/repos.ts'
import { treesIn } from '../../test/helpers/trees.ts'

const world = await openWorld(t)
const { setUp, baseFiles } = await treesIn(world)

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
