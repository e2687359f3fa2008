import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import { git, gitEnv } from '../../test/fixtures/github/git.ts'
import { agentGit, never, openWorld, runnerGit, script, token } from '../../test/helpers/repos.ts'
import { parseRepository } from '../jobs/repository.ts'
import { readRemote } from './remote-refs.ts'

const world = await openWorld(t)
const { github } = world

/** A request by git, or by ourselves. */
const anyRead = /info\/refs|git-upload-pack/

const read = (url: string, baseRef = '', options: { branch?: string; token?: string } = {}) =>
  readRemote(world.gitWith({ token: options.token ?? token }), parseRepository(url), {
    baseRef,
    branch: options.branch ?? 'agenticore/none',
    signal: never,
  })

/** An origin with a `main` of two commits, a branch and both kinds of tags on the first. */
async function origin() {
  const { cloneUrl, path, commit: first } = await world.repo()
  await agentGit(path, 'tag', 'light', first)
  await agentGit(path, 'tag', '--annotate', '--message', 'x', 'heavy', first)
  await agentGit(path, 'branch', 'feature/x', first)
  const tip = await agentGit(path, 'commit-tree', '-p', first, '-m', 'second', `${first}^{tree}`)
  await git(path, ['update-ref', 'refs/heads/main', tip])
  return { cloneUrl, path, first, tip }
}

t.test('the base is the default branch unless one is asked for: a branch, a tag or a commit', async t => {
  const { cloneUrl, path, first, tip } = await origin()
  t.same(await read(cloneUrl), { tip, baseBranch: 'main', baseRef: 'main' })
  t.same(await read(cloneUrl, 'feature/x'), { tip: first, baseBranch: 'feature/x', baseRef: 'feature/x' })
  t.same(await read(cloneUrl, 'light'), { tip: first, baseBranch: 'main', baseRef: 'light' })
  t.same(await read(cloneUrl, 'heavy'), { tip: first, baseBranch: 'main', baseRef: 'heavy' })
  t.same(await read(cloneUrl, first), { tip: first, baseBranch: 'main', baseRef: first })
  t.equal((await read(cloneUrl, first.toUpperCase())).tip, first)
  t.same(await read(cloneUrl, 'refs/heads/feature/x'), { tip: first, baseBranch: 'feature/x', baseRef: 'feature/x' })
  t.equal((await read(cloneUrl, 'refs/tags/heavy')).tip, first)
  const short = first.slice(0, 8)
  const message = `${cloneUrl} has no branch or tag "${short}". A commit needs all 40 digits of its id.`
  await t.rejects(read(cloneUrl, short), { code: 'ref_not_found', message })
  await git(path, ['tag', 'feature/x', tip])
  t.equal((await read(cloneUrl, 'feature/x')).tip, first, 'of a branch and a tag of one name the branch counts')
})

t.test('the repository that the command is given in has no say', async t => {
  const { cloneUrl, tip } = await origin()
  const elsewhere = await origin()
  const here = t.testdir()
  await agentGit('/', 'init', '--quiet', here)
  await agentGit(here, 'config', `url.${elsewhere.cloneUrl}.insteadOf`, cloneUrl)
  const before = process.cwd()
  t.teardown(() => process.chdir(before))
  process.chdir(here)
  t.equal((await read(cloneUrl)).tip, tip)
})

t.test('the default branch is asked of the origin', async t => {
  const files = { 'a.txt': 'a' }
  const options = { owner: 'o', name: 'trunk', defaultBranch: 'trunk/line', files }
  const { cloneUrl, path, commit } = await github.createRepo(options)
  await git(path, ['branch', 'main', commit])
  const tip = await agentGit(path, 'commit-tree', '-p', commit, '-m', 'second', `${commit}^{tree}`)
  await git(path, ['update-ref', 'refs/heads/trunk/line', tip])
  t.same(await read(cloneUrl), { tip, baseBranch: 'trunk/line', baseRef: 'trunk/line' })
  t.same(await read(cloneUrl, commit), { tip: commit, baseBranch: 'trunk/line', baseRef: commit })
})

t.test('an origin whose HEAD is no branch is started from where HEAD is', async t => {
  const { cloneUrl, path, first } = await origin()
  await git(path, ['update-ref', '--no-deref', 'HEAD', first])
  t.same(await read(cloneUrl), { tip: first, baseBranch: '', baseRef: '' })
  const { workspace } = await world.open(cloneUrl)
  t.equal(workspace.baseSha, first)
  t.equal(await git(workspace.path, ['rev-parse', 'HEAD']), first)
  await workspace.dispose()
})

t.test('the branch of an earlier attempt is reported', async t => {
  const { cloneUrl, path, first, tip } = await origin()
  await git(path, ['branch', 'agenticore/abc-x', first])
  await git(path, ['branch', 'other/agenticore/abc-y', first])
  const seen = await read(cloneUrl, '', { branch: 'agenticore/abc-x' })
  t.same(seen, { tip, baseBranch: 'main', baseRef: 'main', pushed: first })
  t.notOk('pushed' in (await read(cloneUrl, '', { branch: 'agenticore/abc-y' })), 'only under its full name')
})

t.test('what cannot be read says why', async t => {
  const { cloneUrl, first } = await origin()
  await t.rejects(read(cloneUrl, 'nowhere'), { code: 'ref_not_found', message: /"nowhere"/ })
  await t.rejects(read(cloneUrl, first.slice(0, 10)), { code: 'ref_not_found' }, 'an abbreviated commit')
  const unknown = 'd'.repeat(40)
  await t.rejects(world.open(cloneUrl, { baseRef: unknown }), { code: 'ref_not_found' })

  const empty = await github.createRepo({ owner: 'o', name: 'empty' })
  await t.rejects(read(empty.cloneUrl), { code: 'repository_empty' })
  await t.rejects(read(empty.cloneUrl, 'main'), { code: 'ref_not_found' })

  await t.rejects(read(`${github.url}/o/missing.git`), { code: 'origin_not_found' })
  await t.rejects(read(join(world.dir, 'missing')), { code: 'origin_not_found' })
  await t.rejects(read('https://origin.invalid/o/r.git'), { code: 'origin_unreachable' })
  github.fail({ path: anyRead, reset: true, times: 4 })
  await t.rejects(read(cloneUrl), { code: 'origin_unreachable' })
  github.fail({ path: anyRead, status: 503, times: 4 })
  await t.rejects(read(cloneUrl), { code: 'origin_unreachable' })
})

t.test('a port that nobody listens on is an origin out of reach', async t => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  const port = typeof address === 'object' ? address?.port : 0
  await t.rejects(read(`http://127.0.0.1:${port}/o/r.git`), { code: 'origin_unreachable' })
})

t.test('a private repository opens with the right token only, and no token shows in what is said', async t => {
  const { cloneUrl, commit } = await github.createRepo({
    owner: 'o',
    name: 'private',
    private: true,
    files: { a: 'a' },
  })
  t.equal((await read(cloneUrl)).tip, commit)
  await t.rejects(read(cloneUrl, '', { token: '' }), { code: 'origin_unauthorised' })
  const wrong = 'ghp_wrongToken'
  const error: unknown = await read(cloneUrl, '', { token: wrong }).catch(thrown => thrown)
  t.match(error, { code: 'origin_unauthorised' })
  const encoded = Buffer.from(`x-access-token:${wrong}`).toString('base64')
  t.notMatch(String(error), wrong)
  t.notMatch(String(error), encoded)
})

t.test("a word in a repository's name is not taken for a symptom", async t => {
  for (const name of ['openssl', 'certificates']) {
    await t.rejects(read(`${github.url}/o/${name}.git`), { code: 'origin_not_found' }, name)
    await t.rejects(read(`${github.url}/o/${name}.git`, '', { token: '' }), { code: 'origin_unauthorised' }, name)
  }
})

t.test('a redirect does not carry the token to another host', async t => {
  const elsewhere = await openWorld(t)
  const there = await elsewhere.repo()
  const { cloneUrl } = await world.repo()
  const location = `${there.cloneUrl}/info/refs?service=git-upload-pack`
  github.fail({ path: anyRead, status: 302, headers: { location }, times: 2 })
  await read(cloneUrl).catch(() => {})
  const carried = elsewhere.github.requests.filter(({ headers }) => headers.authorization !== undefined)
  t.same(
    carried.map(({ method, path }) => `${method} ${path}`),
    [],
  )
})

t.test('git that is not there is said to be missing', async t => {
  const { path } = await world.repo()
  const wanted = { baseRef: '', branch: 'x', signal: never }
  await t.rejects(readRemote(runnerGit({ path: world.dir }), parseRepository(path), wanted), {
    code: 'git_missing',
  })
})

t.test('refs are read by one request without git; where that gives no plain answer, git is asked', async t => {
  const { cloneUrl, tip, first, path } = await origin()
  await agentGit(path, 'branch', 'main2', first)
  const bin = t.testdir()
  const log = join(bin, 'log')
  await script(join(bin, 'git'), `echo "$@" >> '${log}'\nPATH='${gitEnv.PATH}' exec git "$@"`)
  const spy = world.gitWith({ token, path: `${bin}:${gitEnv.PATH}` })
  const ask = (baseRef = '') =>
    readRemote(spy, parseRepository(cloneUrl), { baseRef, branch: 'agenticore/none', signal: never })
  const before = github.requests.length
  t.same(await ask(), { tip, baseBranch: 'main', baseRef: 'main' })
  t.equal(github.requests.length, before + 1)
  t.equal((await ask('heavy')).tip, first, 'an annotated tag, peeled')
  await t.rejects(readFile(log), { code: 'ENOENT' }, 'git was not started')
  const where = /git-upload-pack/
  const faults: Parameters<typeof github.fail>[0][] = [
    { path: where, status: 500 },
    { path: where, reset: true },
    { path: where, status: 200 },
    { path: where, status: 302, headers: { location: '/' } },
  ]
  for (const fault of faults) {
    github.fail(fault)
    t.equal((await ask()).tip, tip, JSON.stringify(fault))
  }
  t.equal((await readFile(log, 'utf8')).match(/^ls-remote/gm)?.length, 4)
  const reason = new Error('enough')
  github.fail({ path: where, silent: true })
  const controller = new AbortController()
  const asking = readRemote(spy, parseRepository(cloneUrl), { baseRef: '', branch: 'x', signal: controller.signal })
  setImmediate(() => controller.abort(reason))
  await t.rejects(asking, reason)
})
