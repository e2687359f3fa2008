import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { branchTip, git, gitEnv } from '../../test/fixtures/github/git.ts'
import type { Failure } from '../../test/fixtures/github/server.ts'
import {
  agentCommit,
  agentGit,
  filesWith,
  message,
  never,
  openWorld,
  readOnlyToken,
  script,
  token,
} from '../../test/helpers/repos.ts'
import type { Workspace } from '../jobs/workspace.ts'

const world = await openWorld(t)
const encoded = (secret: string) => Buffer.from(`x-access-token:${secret}`).toString('base64')
const secrets = [token, encoded(token), readOnlyToken, encoded(readOnlyToken)]

/** The tree's content as a change to push. */
async function changed(workspace: Workspace, content = 'work') {
  await writeFile(join(workspace.path, 'work'), content)
  const change = await workspace.commit(message, never)
  if (!change) throw new Error('nothing changed')
  return change
}

async function failure(promise: Promise<unknown>): Promise<Error> {
  const error: unknown = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  if (!(error instanceof Error)) throw new Error('it was expected to fail')
  for (const secret of secrets) t.notOk(error.message.includes(secret), 'no token in the message')
  return error
}

t.test('exactly the commit lands, on the branch of the job and nowhere else', async t => {
  const { cloneUrl, path, commit } = await world.repo()
  const { workspace } = await world.open(cloneUrl)
  await agentGit(workspace.path, 'branch', 'agents-own')
  await agentGit(workspace.path, 'tag', 'agents-tag')
  const change = await changed(workspace)
  const { hint } = await workspace.push(change, never)
  const refs = await git(path, ['for-each-ref', '--format=%(refname) %(objectname)'])
  t.same(refs.split('\n').sort(), [`refs/heads/${workspace.branch} ${change.sha}`, `refs/heads/main ${commit}`].sort())
  t.equal(hint, `${world.github.url}/o/r1/pull/new/${workspace.branch}`)
  t.same(await workspace.push(change, never), { hint: '' }, 'again: nothing happens')
  await workspace.dispose()
})

t.test('the branch of an earlier attempt is replaced', async t => {
  const { cloneUrl, path, commit } = await world.repo()
  const { workspace, job } = await world.open(cloneUrl)
  const first = await changed(workspace, 'first')
  await workspace.push(first, never)
  const { workspace: second } = await world.open(cloneUrl, { job: { ...job, pushed: [first.sha] } })
  t.equal(second.branch, workspace.branch)
  const change = await changed(second, 'second')
  await second.push(change, never)
  t.equal(await branchTip(path, second.branch), change.sha)
  t.equal(await git(path, ['rev-parse', `${change.sha}^`]), commit)
  await second.dispose()
})

t.test('a branch that somebody else made or moved meanwhile is left to them', async t => {
  const { cloneUrl, path, commit } = await world.repo()
  const tasks = { 'Make it read-only': 'made meanwhile', 'Say access denied': 'moved meanwhile' }
  for (const [task, what] of Object.entries(tasks)) {
    const { workspace, job } = await world.open(cloneUrl, { task })
    let late = workspace
    if (what === 'moved meanwhile') {
      const first = await changed(workspace, 'first')
      await workspace.push(first, never)
      late = (await world.open(cloneUrl, { job: { ...job, pushed: [first.sha] } })).workspace
    }
    await git(path, ['update-ref', `refs/heads/${workspace.branch}`, commit])
    const error = await failure(late.push(await changed(late, 'late'), never))
    t.match(error, { code: 'push_rejected', message: /stale info/ }, what)
    t.equal(await branchTip(path, workspace.branch), commit)
    await late.dispose()
  }
})

t.test('a branch with commits that no attempt of the job pushed is left as it is', async t => {
  const { cloneUrl, path, commit } = await world.repo()
  const { workspace, job } = await world.open(cloneUrl)
  const first = await changed(workspace, 'first')
  await workspace.push(first, never)
  const theirs = await agentGit(path, 'commit-tree', '-p', first.sha, '-m', 'by a human', `${first.sha}^{tree}`)
  await git(path, ['update-ref', `refs/heads/${workspace.branch}`, theirs])
  for (const pushed of [[first.sha], [commit], undefined]) {
    const { workspace: second } = await world.open(cloneUrl, { job: { ...job, ...(pushed ? { pushed } : {}) } })
    const error = await failure(second.push(await changed(second, 'second'), never))
    t.match(error, { code: 'push_rejected', message: /somebody else has pushed to the branch; nothing was over/ })
    t.equal(await branchTip(path, workspace.branch), theirs)
  }
  await workspace.dispose()
})

t.test('credentials that may only read are denied', async t => {
  const { cloneUrl, path } = await world.repo()
  const { workspace } = await world.open(cloneUrl, { git: world.gitWith({ token: readOnlyToken }) })
  const error = await failure(workspace.push(await changed(workspace), never))
  t.match(error, { code: 'push_denied', message: /Permission to o\/r\d+\.git denied to octocat/ })
  t.equal(await branchTip(path, workspace.branch), undefined)
  const { workspace: anonymous } = await world.open(cloneUrl, { git: world.gitWith({ token: '' }) })
  t.match(await failure(anonymous.push(await changed(anonymous), never)), { code: 'origin_unauthorised' })
  await workspace.dispose()
  await anonymous.dispose()
})

t.test('a hook that declines is quoted from its first word on', async t => {
  const { cloneUrl, path } = await world.repo()
  const words = [
    'error: GH013: Repository rule violations found.',
    'Review all of them at',
    'https://x.test/rules',
    'Bye.',
  ]
  await script(join(path, 'hooks/pre-receive'), `${words.map(word => `echo '${word}' >&2`).join('\n')}\nexit 1`)
  const { workspace } = await world.open(cloneUrl)
  const error = await failure(workspace.push(await changed(workspace), never))
  t.match(error, { code: 'push_rejected', message: /pre-receive hook declined/ })
  for (const word of words) t.ok(error.message.includes(word), word)
  t.equal(await branchTip(path, workspace.branch), undefined)
  await workspace.dispose()
})

t.test('an origin that is in trouble for a moment is asked again', async t => {
  const troubles: Failure[] = [
    { path: /service=git-receive-pack/, status: 500 },
    { path: /service=git-receive-pack/, reset: true, times: 2 },
    { path: /\/git-receive-pack$/, status: 502, times: 2 },
  ]
  for (const trouble of troubles) {
    const { cloneUrl, path } = await world.repo()
    const { workspace } = await world.open(cloneUrl)
    const change = await changed(workspace)
    world.github.fail(trouble)
    await workspace.push(change, never)
    t.equal(await branchTip(path, workspace.branch), change.sha)
    t.same(world.github.rules, [])
    await workspace.dispose()
  }
  const { cloneUrl } = await world.repo()
  world.github.fail({ path: /\/git-upload-pack$/, status: 503, times: 2 })
  await (await world.open(cloneUrl)).workspace.dispose()
  t.same(world.github.rules, [])
})

t.test('an origin that went away is not mistaken for a refusal', async t => {
  const { cloneUrl } = await world.repo({ a: 'a' }, 'openssl')
  const { workspace } = await world.open(cloneUrl)
  const change = await changed(workspace)
  world.github.fail({ path: /service=git-receive-pack/, reset: true, times: 3 })
  t.match(await failure(workspace.push(change, never)), { code: 'origin_unreachable' })
  world.github.fail({ path: /service=git-receive-pack/, status: 404 })
  t.match(await failure(workspace.push(change, never)), { code: 'origin_not_found' })
  const reason = new Error('enough')
  await t.rejects(workspace.push(change, AbortSignal.abort(reason)), reason)
  await workspace.push(change, never)
  await workspace.dispose()
})

t.test('the token is in no argv, in no file, and in the environment of network calls only', async t => {
  const log = join(world.dir, 'calls')
  const bin = t.testdir()
  const path = `${bin}:${gitEnv.PATH}`
  await script(
    join(bin, 'git'),
    `{ printf 'argv'; printf ' %s' "$@" | tr '\\n' ' '; echo; env | sed 's/^/env /'; } >> '${log}'
PATH='${gitEnv.PATH}' exec git "$@"`,
  )
  const { cloneUrl } = await world.github.createRepo({ owner: 'o', name: 'secret', private: true, files: { a: 'a' } })
  const { workspace } = await world.open(cloneUrl, { git: world.gitWith({ token, path }) })
  await writeFile(join(workspace.path, 'one'), '1')
  await agentCommit(workspace.path, 'one')
  const change = await changed(workspace)
  await workspace.saveDiff(change, join(world.dir, 'secret.patch'))
  await workspace.push(change, never)

  const calls = (await readFile(log, 'utf8')).split(/^argv /m).slice(1)
  const argv = calls.map(call => call.split('\n')[0] ?? '')
  const names = calls.map(call => new Set([...call.matchAll(/^env (\w+)=/gm)].map(([, name]) => name)))
  for (const secret of secrets) t.notOk(argv.some(line => line.includes(secret)))
  const network = argv.filter((_, at) => names[at]?.has('GIT_CONFIG_VALUE_0')).map(line => line.split(' ')[0])
  t.same(network, ['fetch', 'push'])
  const spoken = argv.filter(line => /^(fetch|push)/.test(line))
  t.equal(spoken.length, 2)
  for (const line of spoken) t.match(line, '--end-of-options')
  t.ok(calls.length > 8, 'every call was seen')
  const withSecret = calls.filter(call => secrets.some(secret => call.includes(secret)))
  t.equal(withSecret.length, 2)
  for (const set of names) for (const name of ['SSH_AUTH_SOCK', 'GITHUB_TOKEN']) t.notOk(set.has(name), name)
  t.same(await filesWith(world.treesRoot, ...secrets), [])
  t.same(await filesWith(world.cacheRoot, ...secrets), [])
  await workspace.dispose()
})
