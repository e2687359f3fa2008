import t from 'tap'
import { gitHubToken } from '../../src/github/hosts.ts'
import { GitHubPullRequests } from '../../src/github/pull-requests.ts'
import type { FindCredential } from '../../src/jobs/credentials.ts'
import type { PullRequest } from '../../src/jobs/ports.ts'
import { git } from '../fixtures/github/git.ts'
import { newJob } from '../helpers/jobs.ts'
import { agentGit, never, openWorld, readOnlyToken, token } from '../helpers/repos.ts'

const world = await openWorld(t)
const { github } = world
const opener = (apiUrl = github.url, secret = token) =>
  new GitHubPullRequests({ apiUrl }, gitHubToken(secret, { apiUrl }), 'agenticore')

/** A repository with a pushed branch, and the request that opens its pull request. */
async function pushed(): Promise<{ request: PullRequest; fullName: string; path: string }> {
  const { cloneUrl, path, commit } = await world.repo()
  const sha = await agentGit(path, 'commit-tree', '-p', commit, '-m', 'work', `${commit}^{tree}`)
  await git(path, ['update-ref', 'refs/heads/agenticore/abc-fix', sha])
  const job = {
    ...newJob(new Date(), { repoUrl: cloneUrl, task: 'Fix the login bug' }),
    numTurns: 3,
    totalCostUsd: 0.5,
  }
  const files = [{ path: 'a|<b>.txt', added: 1, removed: 2 }, { path: 'picture.bin' }]
  const request = { job, head: 'agenticore/abc-fix', base: 'main', summary: 'All done.', files }
  return { request, fullName: new URL(cloneUrl).pathname.slice(1).replace(/\.git$/, ''), path }
}

const messageOf = async (promise: Promise<unknown>) => {
  const error: unknown = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  return error instanceof Error ? error.message : `no error: ${String(error)}`
}

t.test('a pull request is opened from the branch to the base, and said what was asked and done', async t => {
  const { request, fullName } = await pushed()
  t.equal(await opener().open(request, never), `${github.url}/${fullName}/pull/1`)
  const [pull] = github.pulls(fullName)
  t.match(pull, { title: 'Fix the login bug', head: request.head, base: 'main', draft: false, state: 'open' })
  for (const part of [
    'All done.',
    '> Fix the login bug',
    'a&#124;&lt;b&gt;.txt',
    '+1 −2',
    'binary',
    '3 turns',
    '$0.50',
  ]) {
    t.ok(pull?.body?.includes(part), part)
  }
  const asked = github.requests.filter(({ path }) => path.startsWith(`/repos/${fullName}/`))
  t.same(
    asked.map(({ method, authorized }) => [method, authorized]),
    [
      ['GET', true],
      ['POST', true],
    ],
  )
  t.match(asked[1]?.headers['user-agent'], /^agenticore/)
})

t.test('asked again, the one that is open is found; a closed one is not', async t => {
  const { request, fullName } = await pushed()
  const first = await opener().open(request, never)
  t.equal(await opener().open({ ...request, summary: 'other words' }, never), first)
  t.equal(github.pulls(fullName).length, 1)
  const url = `${github.url}/repos/${fullName}/pulls/1`
  const headers = { authorization: `Bearer ${token}` }
  await fetch(url, { method: 'PATCH', headers, body: JSON.stringify({ state: 'closed' }) })
  t.equal(await opener().open(request, never), `${github.url}/${fullName}/pull/2`)
})

t.test('an API below /api/v3, as on GitHub Enterprise, is used the same way', async t => {
  const { request, fullName } = await pushed()
  for (const base of [`${github.url}/api/v3`, `${github.url}/api/v3/`]) {
    t.equal(await opener(base).open(request, never), `${github.url}/${fullName}/pull/1`)
  }
  t.ok(github.requests.some(({ path }) => path === `/api/v3/repos/${fullName}/pulls`))
})

t.test('one that somebody else opened in the same moment counts as opened', async t => {
  const { request, fullName } = await pushed()
  const first = await opener().open(request, never)
  // The look for an open one comes before the other's arrival: nothing there yet.
  github.fail({ method: 'GET', path: new RegExp(`^/repos/${fullName}/pulls`), status: 200, body: [] })
  t.equal(await opener().open(request, never), first)
  t.equal(github.pulls(fullName).length, 1)
})

t.test('two at once open one', async t => {
  const { request, fullName } = await pushed()
  const urls = await Promise.all([opener().open(request, never), opener().open(request, never)])
  t.same(urls, Array(2).fill(`${github.url}/${fullName}/pull/1`))
  t.equal(github.pulls(fullName).length, 1)
})

t.test('what GitHub holds against it is said, without the token', async t => {
  const { request, fullName } = await pushed()
  const elsewhere = { ...request, job: { ...request.job, repoUrl: `${github.url}/o/none.git` } }
  const said: [string, PullRequest, string?][] = [
    ['Bad credentials', request, 'ghp_wrongToken'],
    ['Resource not accessible by personal access token', request, readOnlyToken],
    ['Not Found', elsewhere],
    ['No commits between main and main', { ...request, head: 'main' }],
    ['"field":"base","code":"invalid"', { ...request, base: 'nowhere' }],
    ['"field":"head","code":"invalid"', { ...request, head: 'nowhere' }],
  ]
  for (const [words, wanted, secret] of said) {
    const error = await messageOf(opener(github.url, secret).open(wanted, never))
    t.ok(error.includes(words), `${words}: ${error}`)
    for (const secret of [token, readOnlyToken, 'ghp_wrongToken']) t.notOk(error.includes(secret))
  }
  const { host } = new URL(github.url)
  t.match(
    await messageOf(opener(github.url, '').open(request, never)),
    `no credential was found for ${host}: GITHUB_TOKEN is not set / Requires authentication`,
  )
  t.match(
    await messageOf(opener(github.url, 'ghp_wrongToken').open(request, never)),
    `${host} refused GITHUB_TOKEN / Bad credentials`,
  )
  t.same(github.pulls(fullName), [])
})

t.test('an aborted look and an outage end in an error, not in a second try', async t => {
  const { request, fullName } = await pushed()
  const before = github.requests.length
  t.match(await messageOf(opener().open(request, AbortSignal.abort(new Error('enough')))), /abort|enough/)
  t.equal(github.requests.length, before)
  github.fail({ method: 'POST', path: /\/pulls$/, status: 502, body: { message: 'Server Error' } })
  t.match(await messageOf(opener().open(request, never)), /Server Error/)
  t.same(github.pulls(fullName), [])
})

t.test("a repository by ssh has a pull request, too: what opens the API's own GitHub is asked for", async t => {
  const { request, fullName } = await pushed()
  const asked: string[] = []
  const find: FindCredential = async ({ url }) => {
    asked.push(url)
    return { kind: 'found', credential: { username: 'x-access-token', password: token, source: 'gh' } }
  }
  const bySsh = { ...request, job: { ...request.job, repoUrl: `git@127.0.0.1:${fullName}.git` } }
  const pulls = new GitHubPullRequests({ apiUrl: `${github.url}/api/v3` }, find, 'agenticore')
  t.equal(await pulls.open(bySsh, never), `${github.url}/${fullName}/pull/1`)
  t.strictSame(asked, [`${github.url}/${fullName}.git`])
})

t.test('only repositories on GitHub, as configured, are served', async t => {
  const served = (repoUrl: string, apiUrl = 'https://api.github.com') => opener(apiUrl).serves(repoUrl)
  t.equal(served('https://github.com/o/r'), true)
  t.equal(served('git@github.com:o/r.git'), true)
  t.equal(served('ssh://git@github.com:22/o/r.git'), true)
  t.equal(served('https://gitlab.com/o/r'), false)
  t.equal(served('https://github.com.evil.test/o/r'), false)
  t.equal(served('https://evil.test/github.com/r'), false)
  t.equal(served('/srv/github.com/r.git'), false)
  t.equal(served('https://ghe.test/o/r', 'https://ghe.test/api/v3'), true)
  t.equal(served('https://ghe.test:8443/o/r', 'https://ghe.test/api/v3'), false)
  t.equal(served('git@ghe.test:o/r.git', 'https://ghe.test:8443/api/v3'), true)
})
