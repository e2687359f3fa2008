import t from 'tap'
import type { FindCredential } from '../../src/jobs/credentials.ts'
import type { PullRequest } from '../../src/jobs/pull-request.ts'
import { SleeplessClock } from '../helpers/clock.ts'
import { messageOf, pullRequestsOn, pushedTo } from '../helpers/pull-requests.ts'
import { never, openWorld, readOnlyToken, token } from '../helpers/repos.ts'

const world = await openWorld(t)
const { github } = world
const opener = (apiUrl = github.url, secret = token) => pullRequestsOn(apiUrl, { secret })
const pushed = () => pushedTo(world)

t.test('a pull request is opened from the branch to the base, and said what was asked and done', async t => {
  const { request, fullName } = await pushed()
  t.same(await opener().open(request, never), { url: `${github.url}/${fullName}/pull/1`, warnings: [] })
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
  t.same(await opener().open({ ...request, summary: 'other words' }, never), first)
  t.equal(github.pulls(fullName).length, 1)
  const url = `${github.url}/repos/${fullName}/pulls/1`
  const headers = { authorization: `Bearer ${token}` }
  await fetch(url, { method: 'PATCH', headers, body: JSON.stringify({ state: 'closed' }) })
  t.equal((await opener().open(request, never)).url, `${github.url}/${fullName}/pull/2`)
})

t.test('an API below /api/v3, as on GitHub Enterprise, is used the same way', async t => {
  const { request, fullName } = await pushed()
  for (const base of [`${github.url}/api/v3`, `${github.url}/api/v3/`]) {
    t.equal((await opener(base).open(request, never)).url, `${github.url}/${fullName}/pull/1`)
  }
  t.ok(github.requests.some(({ path }) => path === `/api/v3/repos/${fullName}/pulls`))
})

t.test('one that somebody else opened in the same moment counts as opened', async t => {
  const { request, fullName } = await pushed()
  const first = await opener().open(request, never)
  // The look for an open one comes before the other's arrival: nothing there yet.
  github.fail({ method: 'GET', path: new RegExp(`^/repos/${fullName}/pulls`), status: 200, body: [] })
  t.same(await opener().open(request, never), first)
  t.equal(github.pulls(fullName).length, 1)
})

t.test('two at once open one', async t => {
  const { request, fullName } = await pushed()
  const opened = await Promise.all([opener().open(request, never), opener().open(request, never)])
  t.same(
    opened.map(({ url }) => url),
    Array(2).fill(`${github.url}/${fullName}/pull/1`),
  )
  t.equal(github.pulls(fullName).length, 1)
})

t.test('what GitHub holds against it is said, with what to do, without the token', async t => {
  const { request, fullName } = await pushed()
  const elsewhere = { ...request, job: { ...request.job, repoUrl: `${github.url}/o/none.git` } }
  const { host } = new URL(github.url)
  const none = `no credential was found for ${host}: GITHUB_TOKEN is not set`
  const said: [words: string, wanted: PullRequest, secret?: string][] = [
    [`${host} refused GITHUB_TOKEN / GitHub answered 401: Bad credentials. It is wrong`, request, 'ghp_wrongToken'],
    [`${none} / GitHub answered 401: Requires authentication. Set GITHUB_TOKEN.`, request, ''],
    [`${host} refused GITHUB_TOKEN / GitHub answered 403: Resource not accessible`, request, readOnlyToken],
    [`${host} has no such repository for GITHUB_TOKEN / GitHub answered 404: Not Found. The address`, elsewhere],
    ['GitHub answered 422: Validation Failed: No commits between main and main', { ...request, head: 'main' }],
    ['GitHub answered 422: Validation Failed: base is invalid', { ...request, base: 'nowhere' }],
    ['GitHub answered 422: Validation Failed: head is invalid', { ...request, head: 'nowhere' }],
  ]
  for (const [words, wanted, secret] of said) {
    const clock = new SleeplessClock()
    const error = await messageOf(pullRequestsOn(github.url, { secret, clock }).open(wanted, never))
    t.ok(error.startsWith(words), `${words}: ${error}`)
    for (const secret of [token, readOnlyToken, 'ghp_wrongToken']) t.notOk(error.includes(secret))
    t.same(clock.sleeps, [])
  }
  t.same(github.pulls(fullName), [])
})

t.test("a repository by ssh has a pull request, too: what opens the API's own GitHub is asked for", async t => {
  const { request, fullName } = await pushed()
  const asked: string[] = []
  const findCredential: FindCredential = async ({ url }) => {
    asked.push(url)
    return { kind: 'found', credential: { username: 'x-access-token', password: token, source: 'gh' } }
  }
  const bySsh = { ...request, job: { ...request.job, repoUrl: `git@127.0.0.1:${fullName}.git` } }
  const pulls = pullRequestsOn(`${github.url}/api/v3`, { findCredential })
  t.equal((await pulls.open(bySsh, never)).url, `${github.url}/${fullName}/pull/1`)
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
