import { existsSync } from 'node:fs'
import { chmod, mkdir, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { git, gitEnv, tryGit } from '../../test/fixtures/github/git.ts'
import { newJob } from '../../test/helpers/jobs.ts'
import { plainProfile } from '../../test/helpers/profiles.ts'
import {
  agentCommit,
  agentGit,
  cacheIn,
  checksums,
  filesWith,
  leaseOf,
  leftBehind,
  message,
  never,
  openWorld,
  script,
  token,
  wholeEnd,
} from '../../test/helpers/repos.ts'
import { until } from '../../test/helpers/until.ts'
import { GitWorkspaces } from './workspaces.ts'

const { checkout } = plainProfile
const world = await openWorld(t)

t.test('the tree is a clean repository of its own at the commit that was asked for', async t => {
  const { cloneUrl, path, commit } = await world.repo()
  await git(path, ['branch', 'release/1', commit])
  const tip = await agentGit(path, 'commit-tree', '-p', commit, '-m', 'second', `${commit}^{tree}`)
  await git(path, ['update-ref', 'refs/heads/main', tip])
  const { workspace, job } = await world.open(cloneUrl)
  const tree = workspace.path
  const shown = {
    path: tree,
    baseSha: workspace.baseSha,
    baseRef: workspace.baseRef,
    baseBranch: workspace.baseBranch,
    cached: workspace.cached,
  }
  t.same(shown, {
    path: join(world.treesRoot, job.id),
    baseSha: tip,
    baseRef: 'main',
    baseBranch: 'main',
    cached: false,
  })
  t.equal(
    await git(tree, ['rev-parse', 'HEAD', 'origin/main', `refs/heads/${workspace.branch}`]),
    `${tip}\n${tip}\n${tip}`,
  )
  t.equal(await git(tree, ['symbolic-ref', '--short', 'HEAD']), workspace.branch)
  t.equal(await git(tree, ['status', '--porcelain', '--ignored']), '')
  t.equal(await git(tree, ['rev-parse', '--absolute-git-dir']), join(tree, '.git'))
  t.same(await readdir(join(tree, '.git/objects/info')), [], 'it borrows from nobody')
  t.equal(await git(tree, ['config', 'remote.origin.url']), cloneUrl)
  t.equal(await git(tree, ['log', '--format=%s']), 'second\nFirst commit', 'the whole history is there')
  t.match(await tryGit(tree, ['fsck', '--full']), { code: 0 })
  t.equal((await stat(tree)).mode & 0o777, 0o700, 'for nobody else to read')

  const secrets = [token, Buffer.from(`x-access-token:${token}`).toString('base64'), 'extraHeader']
  t.same(await filesWith(world.treesRoot, ...secrets), [])
  t.same(await filesWith(world.cacheRoot, ...secrets), [])
  await workspace.dispose()

  const { workspace: older } = await world.open(cloneUrl, { baseRef: 'release/1' })
  t.match(older, { baseSha: commit, baseRef: 'release/1', baseBranch: 'release/1', cached: false })
  t.equal(await git(older.path, ['rev-parse', 'origin/release/1']), commit)
  await older.dispose()
  const { workspace: again } = await world.open(cloneUrl)
  t.equal(again.cached, true)
  await again.dispose()
})

t.test('what an earlier attempt left is replaced', async t => {
  const { cloneUrl } = await world.repo()
  const { workspace, job } = await world.open(cloneUrl)
  await writeFile(join(workspace.path, 'left'), 'over')
  await writeFile(join(workspace.path, 'a.txt'), 'edited')
  await agentCommit(workspace.path, 'left')
  await writeFile(join(workspace.path, '.git/index.lock'), '')
  t.ok(await workspace.commit(message, never))
  const { workspace: next } = await world.open(cloneUrl, { job })
  t.equal(next.path, workspace.path)
  t.equal(await git(next.path, ['status', '--porcelain']), '')
  t.equal(await git(next.path, ['rev-parse', 'HEAD']), next.baseSha)
  t.equal(await next.commit(message, never), undefined)
  await next.dispose()
})

t.test('disposing removes everything, read-only directories and links included, and follows none', async t => {
  const { cloneUrl, path } = await world.repo()
  const { workspace } = await world.open(cloneUrl)
  const locked = join(workspace.path, 'node_modules/locked')
  await mkdir(locked, { recursive: true })
  await writeFile(join(locked, 'file'), '')
  await symlink(path, join(locked, 'link'))
  await chmod(locked, 0o500)
  await chmod(join(workspace.path, 'node_modules'), 0o000)
  await workspace.dispose()
  t.same(await leftBehind(world), [])
  t.match(await tryGit(path, ['fsck']), { code: 0 })
  await workspace.dispose()
})

t.test('six jobs of one repository at once share nothing', async t => {
  const { cloneUrl, commit } = await world.repo()
  const opened = await Promise.all(Array.from({ length: 6 }, () => world.open(cloneUrl)))
  t.equal(new Set(opened.map(({ workspace }) => workspace.path)).size, 6)
  t.equal(new Set(opened.map(({ workspace }) => workspace.branch)).size, 6)
  const ends = await Promise.all(
    opened.map(async ({ workspace }, n) => {
      await writeFile(join(workspace.path, `file${n}`), '')
      await agentCommit(workspace.path, `work ${n}`)
      await agentGit(workspace.path, 'worktree', 'prune')
      await agentGit(workspace.path, 'gc', '--quiet', '--prune=now')
      return { change: await wholeEnd(world, workspace), base: workspace.baseSha }
    }),
  )
  t.same(
    ends.map(({ change }) => change?.files.map(file => file.path)),
    ends.map((_, n) => [`file${n}`]),
  )
  t.ok(ends.every(({ base }) => base === commit))
})

t.test('an abort leaves nothing behind, whenever it comes', async t => {
  const { cloneUrl } = await world.repo()
  const reason = new Error('enough')
  const early = world
    .workspacesWith(world.git)
    .open(leaseOf(newJob(new Date(), { repoUrl: cloneUrl })), { signal: AbortSignal.abort(reason), checkout })
  await t.rejects(early, reason)
  t.same(await leftBehind(world), [])

  const bin = t.testdir()
  const pipe = join(bin, 'started')
  await agentGit('/', '-c', `alias.pipe=!mkfifo '${pipe}'`, 'pipe')
  for (const step of ['fetch', 'reset']) {
    const { cloneUrl: another } = await world.repo()
    const shim = `case " $* " in *' ${step} '*) echo $$ > '${pipe}'; exec sleep 600 ;; esac
PATH='${gitEnv.PATH}' exec git "$@"`
    await script(join(bin, 'git'), shim)
    const slow = world.gitWith({ token, path: `${bin}:${gitEnv.PATH}` })
    const controller = new AbortController()
    const lease = leaseOf(newJob(new Date(), { repoUrl: another }))
    const opening = t.rejects(
      world.workspacesWith(slow).open(lease, { signal: controller.signal, checkout }),
      reason,
      step,
    )
    const pid = Number(await readFile(pipe, 'utf8'))
    controller.abort(reason)
    await opening
    t.throws(() => process.kill(pid, 0), { code: 'ESRCH' }, `${step} is not left running`)
    t.same(await leftBehind(world), [], step)
    const { workspace } = await world.open(another)
    t.equal(await git(workspace.path, ['status', '--porcelain']), '', 'the next attempt is not in its way')
    await workspace.dispose()
  }
})

t.test('no job writes into the cache', async t => {
  const { cloneUrl } = await world.repo()
  const { workspace } = await world.open(cloneUrl)
  const tree = workspace.path
  const before = await checksums(world.cacheRoot)
  await writeFile(join(tree, 'one'), '1')
  await agentCommit(tree, 'one')
  await agentGit(tree, 'gc', '--quiet', '--aggressive', '--prune=now')
  await agentGit(tree, 'prune', '--expire=now')
  await agentGit(tree, 'repack', '-a', '-d', '-l', '--quiet')
  await agentGit(tree, 'init', '--quiet', '--bare', 'local.git')
  await agentGit(tree, 'push', '--quiet', './local.git', 'HEAD:main')
  await agentGit(tree, 'fetch', '--quiet', 'origin')
  await agentGit(tree, 'stash', 'push', '--quiet', '--include-untracked')
  await agentGit(tree, 'tag', 'v1')
  t.ok(await wholeEnd(world, workspace))
  t.same(await checksums(world.cacheRoot), before)
})

t.test(
  "the runner's index is no younger than the tree's: git would take a quick edit of the same size for none",
  async t => {
    const { cloneUrl } = await world.repo()
    const { workspace, job } = await world.open(cloneUrl)
    t.after(() => workspace.dispose())
    const [theirs, ours] = await Promise.all([
      stat(join(workspace.path, '.git/index')),
      stat(join(world.treesRoot, '.runner', job.id, 'index')),
    ])
    t.ok(ours.mtimeMs <= theirs.mtimeMs, `${ours.mtimeMs} > ${theirs.mtimeMs}`)
  },
)

t.test(
  '20 jobs at once, the origin force-pushed and the cache deleted meanwhile: each has what it asked for',
  { timeout: 120_000 },
  async t => {
    const { cloneUrl, path, commit } = await world.repo()
    const root = join(world.dir, 'stormy')
    // A place of its own: whatever becomes of this test, the others find theirs as they left it.
    const treesRoot = join(world.dir, 'stormy-trees')
    const said: string[] = []
    const cache = cacheIn(root, world.git, { warn: text => void said.push(text) })
    const workspaces = new GitWorkspaces({
      git: world.git,
      cache,
      privateCache: own => cacheIn(own, world.git),
      rules: { allowedHosts: [], allowPaths: true },
      root: treesRoot,
    })
    const jobs = 20
    const tips = [commit]
    // A job begins when so many commits have been there, however long that takes.
    const reached = Array.from({ length: jobs }, () => Promise.withResolvers<void>())
    reached[0]?.resolve()
    let [left, opening] = [jobs, 0]
    const open = async (_: unknown, n: number) => {
      await reached[n]?.promise
      opening += 1
      const from = tips.length - 1
      const lease = leaseOf(newJob(new Date(), { repoUrl: cloneUrl }))
      const workspace = await workspaces.open(lease, { signal: never, checkout }).finally(() => {
        left -= 1
        opening -= 1
      })
      return { workspace, asked: tips.slice(from) }
    }
    const storm = async (): Promise<void> => {
      while (left > 0) {
        const next = await agentGit(path, 'commit-tree', '-m', `rewritten ${tips.length}`, `${commit}^{tree}`)
        // Known before it is there: a job may see it in between.
        tips.push(next)
        await git(path, ['update-ref', 'refs/heads/main', next])
        reached[tips.length - 1]?.resolve()
        await rm(root, { recursive: true, force: true, maxRetries: 9, retryDelay: 1 }).catch(() => undefined)
        // A storm, not a standstill: jobs are to get somewhere in between.
        await until(() => opening === 0 || existsSync(root) || undefined, 100_000)
      }
    }
    const [opened] = await Promise.all([Promise.all(Array.from({ length: jobs }, open)), storm()])
    const bases = new Set<string>()
    for (const { workspace, asked } of opened) {
      bases.add(workspace.baseSha)
      t.ok(asked.includes(workspace.baseSha), 'a commit that the branch was at while it was asked for')
      t.match(await tryGit(workspace.path, ['fsck', '--full']), { code: 0 })
      t.equal(await git(workspace.path, ['rev-parse', 'HEAD']), workspace.baseSha)
      t.equal(await git(workspace.path, ['status', '--porcelain']), '')
      await writeFile(join(workspace.path, 'work'), 'w')
      t.ok(await workspace.commit(message, never), 'and its work can be committed without the cache')
      await workspace.dispose()
    }
    t.ok(bases.size > 5, `${bases.size} different commits`)
  },
)
