import { mkdir, readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { git } from '../../test/fixtures/github/git.ts'
import {
  agentCommit,
  agentGit,
  everythingBelow,
  leftBehind,
  openWorld,
  script,
  wholeEnd,
} from '../../test/helpers/repos.ts'

const world = await openWorld(t)

/** Whatever runs `canary` leaves a file in `seen`, named by what ran it. */
async function trap(t: { testdir(): string }) {
  const dir = t.testdir()
  const seen = join(dir, 'seen')
  await mkdir(seen)
  const canary = (name: string) => `touch '${join(seen, name.replaceAll('/', '-'))}'; cat`
  async function reset() {
    for (const name of await readdir(seen)) await rm(join(seen, name))
  }
  return { dir, canary, seen: () => readdir(seen), reset }
}

const hooks = ['pre-commit', 'pre-push', 'post-checkout', 'reference-transaction', 'post-index-change', 'pre-auto-gc']

/** Everything in a repository's own files that makes git run a program. */
async function plantTraps(gitDir: string, { dir, canary }: Awaited<ReturnType<typeof trap>>, mark: string) {
  await mkdir(join(gitDir, 'hooks'), { recursive: true })
  const hooksPath = join(dir, `${mark}-hooks`)
  await mkdir(hooksPath)
  for (const hook of hooks) {
    await script(join(gitDir, 'hooks', hook), canary(`${mark}-${hook}`))
    await script(join(hooksPath, hook), canary(`${mark}-path-${hook}`))
  }
  const config = {
    'core.fsmonitor': await script(join(dir, `${mark}-fsmonitor`), canary(`${mark}-fsmonitor`)),
    'core.sshCommand': await script(join(dir, `${mark}-ssh`), canary(`${mark}-ssh`)),
    'core.pager': canary(`${mark}-pager`),
    'core.hooksPath': hooksPath,
    'core.gitProxy': await script(join(dir, `${mark}-proxy`), canary(`${mark}-proxy`)),
    'core.askPass': await script(join(dir, `${mark}-askpass`), canary(`${mark}-askpass`)),
    'credential.helper': `!${canary(`${mark}-credential`)}`,
    'filter.x.clean': canary(`${mark}-clean`),
    'filter.x.smudge': canary(`${mark}-smudge`),
    'filter.x.process': canary(`${mark}-process`),
    'diff.x.textconv': await script(join(dir, `${mark}-textconv`), canary(`${mark}-textconv`)),
    'diff.x.command': canary(`${mark}-diff`),
    'diff.external': canary(`${mark}-external`),
    'gpg.program': await script(join(dir, `${mark}-gpg`), canary(`${mark}-gpg`)),
    'commit.gpgSign': 'true',
    'push.gpgSign': 'if-asked',
    'http.proxy': 'http://127.0.0.1:9',
    [`url.ext::sh -c touch% ${join(dir, 'seen', `${mark}-insteadOf`)}.insteadOf`]: 'http://127.0.0.1',
    'protocol.allow': 'always',
    'include.path': join(dir, `${mark}-included`),
    'remote.origin.receivepack': canary(`${mark}-receivepack`),
    'remote.origin.uploadpack': canary(`${mark}-uploadpack`),
    'uploadpack.packObjectsHook': canary(`${mark}-packObjects`),
  }
  for (const name of ['add', 'push', 'commit-tree', 'diff-tree', 'write-tree']) {
    await git(gitDir, [
      'config',
      '--file',
      join(gitDir, 'config'),
      `alias.${name}`,
      `!${canary(`${mark}-alias-${name}`)}`,
    ])
  }
  const included = `[core]\n\tfsmonitor = ${config['core.fsmonitor']}\n`
  await writeFile(join(dir, `${mark}-included`), included)
  for (const [key, value] of Object.entries(config)) {
    await git(gitDir, ['config', '--file', join(gitDir, 'config'), key, value])
  }
}

t.test('nothing that an agent plants in its tree is run by the runner', async t => {
  const traps = await trap(t)
  const { cloneUrl, path } = await world.repo()
  const { workspace } = await world.open(cloneUrl)
  const tree = workspace.path
  await writeFile(join(tree, '.gitattributes'), '* filter=x diff=x\n')
  await writeFile(join(tree, 'work'), 'w')
  await agentGit(tree, 'init', '--quiet', 'nested')
  await writeFile(join(tree, 'nested/file'), 'n')
  await agentCommit(join(tree, 'nested'), 'nested')
  await plantTraps(join(tree, 'nested/.git'), traps, 'nested')
  await plantTraps(join(tree, '.git'), traps, 'tree')
  await git(tree, ['status', '--porcelain', '--ignore-submodules=all']).catch(() => {})
  t.ok(
    (await traps.seen()).some(name => name.startsWith('tree-')),
    "the traps work on the agent's own git",
  )
  await traps.reset()
  const change = await wholeEnd(world, workspace)
  t.same(await traps.seen(), [])
  t.same(change?.files.map(file => file.path).sort(), ['.gitattributes', 'nested', 'work'])
  t.equal(await git(path, ['cat-file', 'blob', `${change?.sha}:work`]), 'w')
})

t.test("nothing that an agent plants in the runner's git directory is run, should it find that", async t => {
  const traps = await trap(t)
  const { cloneUrl, path } = await world.repo()
  const { workspace, job } = await world.open(cloneUrl)
  await plantTraps(join(world.treesRoot, '.runner', job.id), traps, 'runner')
  await writeFile(join(workspace.path, '.gitattributes'), '* filter=x diff=x\n')
  await writeFile(join(workspace.path, 'work'), 'w')
  await traps.reset()
  const change = await wholeEnd(world, workspace).catch((error: unknown) => t.fail('not delivered', { error }))
  t.same(await traps.seen(), [])
  t.equal(await git(path, ['cat-file', 'blob', `${workspace.branch}:work`]).catch(String), 'w')
  t.match(change, { files: [{ path: '.gitattributes' }, { path: 'work' }] })
})

t.test('a submodule of the origin, checked out by the agent, runs nothing in the runner', async t => {
  const traps = await trap(t)
  const { cloneUrl, path, commit } = await world.repo()
  const { workspace: maker } = await world.open(cloneUrl)
  await agentGit(maker.path, 'update-index', '--add', '--cacheinfo', `160000,${commit},sub`)
  await agentGit(maker.path, 'commit', '--quiet', '--message', 'a submodule')
  await agentGit(maker.path, 'push', '--quiet', path, 'HEAD:main')
  await maker.dispose()
  const { workspace } = await world.open(cloneUrl)
  const sub = join(workspace.path, 'sub')
  await git(workspace.path, ['clone', '--quiet', cloneUrl, sub])
  await git(sub, ['checkout', '--quiet', '--detach', commit])
  await plantTraps(join(sub, '.git'), traps, 'sub')
  await writeFile(join(sub, '.git/info/attributes'), '* filter=x\n')
  await writeFile(join(sub, 'a.txt'), 'b\n')
  await writeFile(join(workspace.path, 'work'), 'w')
  const change = await wholeEnd(world, workspace).catch((error: unknown) => t.fail('not delivered', { error }))
  t.same(await traps.seen(), [])
  t.match(change, { files: [{ path: 'work', added: 1, removed: 0 }] })
})

t.test("nothing in the origin's content is run or obeyed", async t => {
  const traps = await trap(t)
  const hit = join(traps.dir, 'seen')
  const { cloneUrl, path } = await world.repo({
    '.gitattributes': '* filter=x diff=x merge=x\n*.txt ident working-tree-encoding=UTF-16\n',
    '.gitmodules': `[submodule "s"]\n\tpath = s\n\turl = ext::touch ${hit}/ext\n\tupdate = !touch ${hit}/update\n`,
    '.gitconfig': `[core]\n\tfsmonitor = touch ${hit}/fsmonitor\n`,
    config: `[core]\n\tfsmonitor = touch ${hit}/bare\n\tbare = true\n`,
    HEAD: 'ref: refs/heads/main\n',
    'objects/x': '',
    'refs/x': '',
    'hooks/post-checkout': `#!/bin/sh\ntouch ${hit}/checkout\n`,
    a: 'a\n',
  })
  const { workspace } = await world.open(cloneUrl)
  await writeFile(join(workspace.path, 'a'), 'b\n')
  const change = await wholeEnd(world, workspace)
  t.same(change?.files, [{ path: 'a', added: 1, removed: 1 }])
  t.equal(await git(path, ['cat-file', 'blob', `${change?.sha}:a`]), 'b')
  t.same(await traps.seen(), [])
})

t.test('an origin with files that only git may write is refused, and nothing of it stays', async t => {
  const traps = await trap(t)
  for (const [name, entry] of Object.entries({
    '.git': '040000 tree',
    '..': '040000 tree',
    '.GIT/../x': '100644 blob',
  })) {
    const { cloneUrl, path } = await world.repo()
    const blob = await git(path, ['hash-object', '-w', '--stdin'], { input: `#!/bin/sh\n${traps.canary('hook')}\n` })
    const mktree = (row: string) => hashTree(path, row)
    const hook = await git(path, ['mktree'], { input: `100755 blob ${blob}\tpost-checkout\n` })
    const hooksTree = await git(path, ['mktree'], { input: `040000 tree ${hook}\thooks\n` })
    const id = entry.endsWith('blob') ? blob : hooksTree
    const tree = await mktree(`${entry.split(' ')[0]?.replace(/^0/, '')} ${name}\0${id}`)
    const commit = await agentGit(path, 'commit-tree', '-m', 'hostile', tree)
    await git(path, ['update-ref', 'refs/heads/main', commit])
    await t.rejects(world.open(cloneUrl), { code: 'git_failed' }, name)
    t.same(await leftBehind(world), [], name)
  }
  t.same(await traps.seen(), [])
  t.notOk((await everythingBelow(world.treesRoot)).some(path => path.includes('post-checkout')))
})

/** A tree object as no `git mktree` would write it; `row` is `mode name NUL id`. */
async function hashTree(dir: string, row: string): Promise<string> {
  const [name = '', id = ''] = row.split('\0')
  const file = join(dir, 'hostile-tree')
  await writeFile(file, Buffer.concat([Buffer.from(`${name}\0`), Buffer.from(id, 'hex')]))
  return await git(dir, ['hash-object', '-t', 'tree', '--literally', '-w', file])
}
