import { existsSync } from 'node:fs'
import { mkdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { git } from '../../test/fixtures/github/git.ts'
import { agentCommit, agentGit, message, never, openWorld } from '../../test/helpers/repos.ts'
import type { Workspace } from '../jobs/workspace.ts'

const world = await openWorld(t)

/** What is kept of a tree in which an agent has done this: names, and the subjects of the commits of each. */
async function left(t: Test, work: (tree: string) => Promise<unknown>) {
  const { cloneUrl, path } = await world.repo()
  const { workspace } = await world.open(cloneUrl)
  t.teardown(() => workspace.dispose())
  await work(workspace.path)
  const change = await workspace.commit(message, never)
  const bundle = join(world.dir, `${workspace.branch.replaceAll('/', '-')}.bundle`)
  const names = await workspace.keepStrays(change, bundle, never)
  if (names.length === 0) {
    t.notOk(existsSync(bundle))
    return { names, subjects: {}, workspace }
  }
  await git(path, ['fetch', '--quiet', bundle, 'refs/left/*:refs/left/*'])
  const subjects: Record<string, string> = {}
  for (const name of names) subjects[name] = await git(path, ['log', '--format=%s', `main..refs/left/${name}`])
  return { names, subjects, workspace }
}

const write = (tree: string, name: string) => writeFile(join(tree, name), name)

t.test('nothing is kept of what is delivered, however it came about', async t => {
  const works: ((tree: string) => Promise<unknown>)[] = [
    async () => undefined,
    async tree => await write(tree, 'new.txt'),
    async tree => {
      await write(tree, 'new.txt')
      await agentCommit(tree, 'on the branch')
      await write(tree, 'more.txt')
    },
    async tree => {
      await agentGit(tree, 'checkout', '--quiet', '-b', 'mine')
      await write(tree, 'new.txt')
      await agentCommit(tree, 'on a branch that is checked out')
    },
    async tree => {
      await write(tree, 'new.txt')
      await agentGit(tree, 'add', '--all')
      await agentGit(tree, 'commit', '--quiet', '--amend', '--message', 'amended')
    },
    async tree => {
      await write(tree, 'new.txt')
      await agentCommit(tree, 'merged')
      await agentGit(tree, 'branch', 'part-of-it')
    },
  ]
  for (const work of works) t.same((await left(t, work)).names, [])
})

t.test('a branch the agent went back from', async t => {
  const { subjects, workspace } = await left(t, async tree => {
    await agentGit(tree, 'checkout', '--quiet', '-b', 'feature/mine')
    await write(tree, 'one.txt')
    await agentCommit(tree, 'one')
    await write(tree, 'two.txt')
    await agentCommit(tree, 'two')
    await agentGit(tree, 'checkout', '--quiet', '-')
    await agentGit(tree, 'pack-refs', '--all')
  })
  t.same(subjects, { 'heads/feature/mine': 'two\none' })
  t.equal(await workspace.commit(message, never), undefined)
})

t.test('a stash, and a commit in a working tree of its own', async t => {
  const { subjects } = await left(t, async tree => {
    await writeFile(join(tree, 'a.txt'), 'stashed')
    await agentGit(tree, 'stash', 'push', '--quiet', '--message', 'for later')
    await agentGit(tree, 'worktree', 'add', '--quiet', '--detach', 'wt')
    await write(join(tree, 'wt'), 'there.txt')
    await agentCommit(join(tree, 'wt'), 'there')
  })
  t.match(subjects, { stash: /for later/, 'worktrees/wt': 'there' })
})

t.test('names, links and commits that are none are passed over', async t => {
  const elsewhere = await world.repo()
  const { names } = await left(t, async tree => {
    const heads = join(tree, '.git/refs/heads')
    const sha = await agentGit(tree, 'rev-parse', 'HEAD')
    await mkdir(join(heads, 'deep'), { recursive: true })
    await symlink(join(elsewhere.path, 'refs/heads/main'), join(heads, 'link'))
    await symlink(join(elsewhere.path, 'refs/heads'), join(heads, 'links'))
    await writeFile(join(heads, '-n'), `${sha}\n`)
    await writeFile(join(heads, 'deep', 'gone'), `${'d'.repeat(40)}\n`)
    await writeFile(join(heads, 'no-commit'), 'ref: refs/heads/main\n')
    await writeFile(join(tree, '.git/packed-refs'), `${sha} refs/heads/../../x\n`)
  })
  t.same(names, [])
})

t.test('what cannot be kept is an error, and nothing is half written', async t => {
  const { cloneUrl } = await world.repo()
  const { workspace }: { workspace: Workspace } = await world.open(cloneUrl)
  await agentGit(workspace.path, 'checkout', '--quiet', '-b', 'mine')
  await write(workspace.path, 'one.txt')
  await agentCommit(workspace.path, 'one')
  await agentGit(workspace.path, 'checkout', '--quiet', '-')
  await workspace.commit(message, never)
  await t.rejects(workspace.keepStrays(undefined, join(world.dir, 'no/such/place'), never), { code: 'git_failed' })
  await workspace.dispose()
})
