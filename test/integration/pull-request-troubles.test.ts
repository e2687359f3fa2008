import t, { type Test } from 'tap'
import type { PullRequest } from '../../src/jobs/pull-request.ts'
import { refusals } from '../fixtures/github/refusals.ts'
import { type Failure, startGitHub } from '../fixtures/github/server.ts'
import { ManualClock, SleeplessClock } from '../helpers/clock.ts'
import { messageOf, pullRequestsOn, pushedTo } from '../helpers/pull-requests.ts'
import { never, openWorld, token } from '../helpers/repos.ts'
import { until } from '../helpers/until.ts'

const world = await openWorld(t)
const { github } = world

const look = { method: 'GET', path: /\/pulls\?/ }
const create = { method: 'POST', path: /\/pulls$/ }

interface Case {
  readonly failures: readonly Failure[]
  readonly wanted?: Partial<PullRequest>
  /** What is asked of the repository's pull requests: L for a look, C for a create. */
  readonly asked: string
  readonly sleeps?: readonly number[]
  /** Undefined: it is opened. */
  readonly error?: RegExp
  /** Pull requests in the end, 1 unless told. */
  readonly pulls?: number
}

/** Plays the failures to one request. */
async function play(t: Test, { failures, wanted, asked, sleeps = [], error, pulls = 1 }: Case): Promise<void> {
  const { request, fullName } = await pushedTo(world)
  const clock = new SleeplessClock()
  for (const failure of failures) github.fail(failure)
  const opened = pullRequestsOn(github.url, { clock }).open({ ...request, ...wanted }, never)
  if (error) t.match(await messageOf(opened), error)
  else t.same(await opened, { url: `${github.url}/${fullName}/pull/1`, warnings: [] })
  t.equal(callsOf(fullName).join(''), asked)
  t.same(clock.sleeps, sleeps)
  t.equal(github.pulls(fullName).length, pulls)
  t.same(github.rules, [], 'all of it was played')
}

/** What was asked of a repository: L for a look at its pull requests, C for a create, the others by name. */
function callsOf(fullName: string): string[] {
  const calls = github.requests.filter(({ path }) => path.startsWith(`/repos/${fullName}/`))
  return calls.map(({ method, path }) => {
    const other = /\/issues\/\d+\/(\w+)/.exec(path)?.[1]
    return other ? `${method} ${other}` : method === 'GET' ? 'L' : 'C'
  })
}

const refused: Record<string, Case> = {
  '401': {
    failures: [{ ...create, ...refusals.badCredentials }],
    asked: 'LC',
    error:
      /refused GITHUB_TOKEN \/ GitHub answered 401: Bad credentials\. It is wrong, expired or revoked: renew it\.$/,
    pulls: 0,
  },
  '403': {
    failures: [{ ...create, ...refusals.forbidden }],
    asked: 'LC',
    error: /refused GITHUB_TOKEN \/ GitHub answered 403: Resource not accessible .*\. It needs pull_requests:write/,
    pulls: 0,
  },
  '404': {
    failures: [{ ...look, ...refusals.notFound }],
    asked: 'L',
    error:
      / \/ GitHub answered 404: Not Found\. The address is wrong, or the repository is not visible to it: give it access\.$/,
    pulls: 0,
  },
  '422 no history': {
    failures: [{ ...create, ...refusals.noHistory }],
    asked: 'LC',
    error: /^GitHub answered 422: Validation Failed: The work branch has no history in common with main$/,
    pulls: 0,
  },
  '422 exists, and it is never listed': {
    failures: [{ ...create, ...refusals.pullExists, times: 4 }],
    asked: 'LCLLCLLCLLCL',
    sleeps: [1000, 2000, 4000],
    error: /^GitHub answered 422: .*A pull request already exists for o:work\. Tried 4 times\.$/,
    pulls: 0,
  },
  '500 for good': {
    failures: [{ ...create, ...refusals.serverError, times: 4 }],
    asked: 'LCLCLCLC',
    sleeps: [1000, 2000, 4000],
    error: /^GitHub answered 500: Server Error\. Tried 4 times\.$/,
    pulls: 0,
  },
  'a page of a proxy': {
    failures: [{ ...look, status: 502, body: '<html>\n<h1>Bad gateway</h1>', times: 4 }],
    asked: 'LLLL',
    sleeps: [1000, 2000, 4000],
    error: /^GitHub answered 502: <html>\. Tried 4 times\.$/,
    pulls: 0,
  },
  'a connection that is reset for good': {
    failures: [{ ...create, reset: true, times: 4 }],
    asked: 'LCLCLCLC',
    sleeps: [1000, 2000, 4000],
    error: /^GitHub did not answer: .*(ECONNRESET|other side closed)\. Tried 4 times\.$/,
    pulls: 0,
  },
  'a primary limit that ends too late': {
    failures: [{ ...create, ...refusals.primaryLimit(600) }],
    asked: 'LC',
    error:
      /^GitHub answered 403: API rate limit exceeded for user ID 1\. The next try would be in 601 s; of at most 600 s, 0 s have been waited\.$/,
    pulls: 0,
  },
  'a secondary limit without end': {
    failures: [{ ...create, ...refusals.secondaryLimit(250), times: 3 }],
    asked: 'LCLCLC',
    sleeps: [250_000, 250_000],
    error: /secondary rate limit.* The next try would be in 250 s; of at most 600 s, 500 s have been waited\.$/,
    pulls: 0,
  },
}

const survived: Record<string, Case> = {
  '422 exists, listed a little later': {
    failures: [
      { ...create, late: true, ...refusals.serverError },
      { ...look, status: 200, body: [], times: 3 },
    ],
    asked: 'LCLCLL',
    sleeps: [1000, 2000],
  },
  'a secondary limit that says how long': {
    failures: [{ ...create, ...refusals.secondaryLimit(7) }],
    asked: 'LCLC',
    sleeps: [7000],
  },
  'a secondary limit that does not': {
    failures: [{ ...look, ...refusals.secondaryLimit() }],
    asked: 'LLC',
    sleeps: [60_000],
  },
  'a 429 that says nothing': { failures: [{ ...create, status: 429 }], asked: 'LCLC', sleeps: [60_000] },
  'a primary limit, by the time of GitHub': {
    failures: [{ ...create, ...refusals.primaryLimit(90, Date.parse('2001-01-01T00:00:00Z')) }],
    asked: 'LCLC',
    sleeps: [91_000],
  },
  'limits, however many, within ten minutes': {
    failures: [{ ...create, ...refusals.secondaryLimit(), times: 10 }],
    asked: `${'LC'.repeat(10)}LC`,
    sleeps: Array(10).fill(60_000),
  },
  '500 before': { failures: [{ ...create, ...refusals.serverError }], asked: 'LCLC', sleeps: [1000] },
  '500 after': { failures: [{ ...create, late: true, ...refusals.serverError }], asked: 'LCL', sleeps: [1000] },
  'a reset before': { failures: [{ ...create, reset: true }], asked: 'LCLC', sleeps: [1000] },
  'a reset after': { failures: [{ ...create, late: true, reset: true }], asked: 'LCL', sleeps: [1000] },
  'an answer that is cut off': {
    failures: [{ ...create, late: true, status: 201, body: '{"number": 1, "html_' }],
    asked: 'LCL',
    sleeps: [1000],
  },
  'three of them in a row': {
    failures: [
      { ...look, ...refusals.serverError },
      { ...create, reset: true },
      { ...create, late: true, status: 504 },
    ],
    asked: 'LLCLCL',
    sleeps: [1000, 2000, 4000],
  },
}

for (const [name, each] of Object.entries(refused)) t.test(`${name}: no pull request, and why`, t => play(t, each))
for (const [name, each] of Object.entries(survived)) t.test(`${name}: one pull request`, t => play(t, each))

t.test('a host that nobody listens on', async t => {
  const gone = await startGitHub({ root: t.testdir() })
  await gone.close()
  const { request } = await pushedTo(world)
  const clock = new SleeplessClock()
  const error = await messageOf(pullRequestsOn(gone.url, { clock }).open(request, never))
  t.match(error, /^GitHub did not answer: .*ECONNREFUSED.*\. Tried 4 times\.$/)
  t.same(clock.sleeps, [1000, 2000, 4000])
})

t.test('a request that is not answered ends after 30 s, and the pull request it made is found', async t => {
  const { request, fullName } = await pushedTo(world)
  const clock = new ManualClock()
  github.fail({ ...create, late: true, silent: true })
  const opened = pullRequestsOn(github.url, { clock }).open(request, never)
  await until(() => github.pulls(fullName)[0])
  clock.advance(30_000)
  await clock.slept()
  clock.advance(1000)
  t.same(await opened, { url: `${github.url}/${fullName}/pull/1`, warnings: [] })
  t.same(callsOf(fullName), ['L', 'C', 'L'])
})

t.test('who no longer wants it neither asks nor waits', async t => {
  const { request, fullName } = await pushedTo(world)
  const enough = AbortSignal.abort(new Error('enough'))
  t.equal(await messageOf(pullRequestsOn(github.url).open(request, enough)), 'enough')
  t.same(callsOf(fullName), [])
  const clock = new ManualClock()
  const controller = new AbortController()
  github.fail({ ...create, ...refusals.secondaryLimit(500) })
  const opened = messageOf(pullRequestsOn(github.url, { clock }).open(request, controller.signal))
  await github.waitFor(({ path, status }) => path === `/repos/${fullName}/pulls` && status === 403)
  controller.abort(new Error('stopped'))
  t.equal(await opened, 'stopped')
  t.same(callsOf(fullName), ['L', 'C'])
})

t.test('who no longer wants it once it is open, gets what is open', async t => {
  const { request, fullName } = await pushedTo(world)
  const controller = new AbortController()
  github.fail({ path: /labels$/, silent: true })
  const opened = pullRequestsOn(github.url).open({ ...request, labels: ['bot'], comment: 'More.' }, controller.signal)
  await github.waitFor(({ path }) => path === `/repos/${fullName}/issues/1/labels`)
  controller.abort(new Error('stopped'))
  t.same(await opened, { url: `${github.url}/${fullName}/pull/1`, warnings: ['Labels were not added: stopped'] })
})

t.test('draft and labels are as asked, also on one that lacks them', async t => {
  const { request, fullName } = await pushedTo(world)
  const wanted = { ...request, draft: true, labels: ['bot', 'needs review'] }
  const pullRequests = pullRequestsOn(github.url)
  const opened = await pullRequests.open(wanted, never)
  t.same(opened.warnings, [])
  t.match(github.pulls(fullName), [{ draft: true, labels: ['bot', 'needs review'] }])
  t.same(await pullRequests.open({ ...wanted, labels: ['BOT', 'more'] }, never), opened)
  t.same(github.pulls(fullName)[0]?.labels, ['bot', 'needs review', 'more'])
  t.same(await pullRequests.open(wanted, never), opened)
  t.same(callsOf(fullName), ['L', 'C', 'POST labels', 'L', 'POST labels', 'L'])
})

t.test('where drafts are not supported, it is an ordinary one, and said to be', async t => {
  const { request, fullName } = await pushedTo(world, { drafts: false })
  const wanted = { ...request, draft: true }
  const { url, warnings } = await pullRequestsOn(github.url).open(wanted, never)
  t.equal(url, `${github.url}/${fullName}/pull/1`)
  t.same(warnings, ['The repository takes no drafts: this is an ordinary pull request.'])
  t.match(github.pulls(fullName), [{ draft: false }])
  t.same(callsOf(fullName), ['L', 'C', 'L', 'C'])
})

t.test('labels and a comment that fail leave the pull request, and a warning each', async t => {
  const { request, fullName } = await pushedTo(world)
  const clock = new SleeplessClock()
  const pullRequests = pullRequestsOn(github.url, { clock })
  const { url } = await pullRequests.open(request, never)
  github.fail({ path: /labels$/, ...refusals.forbidden })
  github.fail({ method: 'POST', path: /comments$/, ...refusals.serverError, times: 4 })
  const next = { ...request, doneBy: 2, labels: ['bot'], comment: 'More.' }
  const opened = await pullRequests.open(next, never)
  t.equal(opened.url, url)
  t.match(opened.warnings, [
    /^Labels were not added: .*GitHub answered 403: .* needs pull_requests:write/,
    /^The comment was not made: GitHub answered 500: Server Error\. Tried 4 times\.$/,
  ])
  t.same(clock.sleeps, [1000, 2000, 4000])
  t.match(github.pulls(fullName), [{ labels: [], comments: [] }])
})

t.test('a comment is made once by each attempt, on a pull request that was there before', async t => {
  const { request, fullName } = await pushedTo(world)
  const clock = new SleeplessClock()
  const pullRequests = pullRequestsOn(github.url, { clock })
  const comments = () => github.pulls(fullName)[0]?.comments.map(({ body }) => body)
  const first = { ...request, comment: 'First.' }
  await pullRequests.open(first, never)
  await pullRequests.open(first, never)
  t.same(comments(), [], 'its own body says it all')

  const next = { ...request, doneBy: 2, comment: 'More.' }
  github.fail({ method: 'POST', path: /comments$/, late: true, reset: true })
  await pullRequests.open(next, never)
  await pullRequests.open(next, never)
  t.same(comments(), [`More.\n\n<!-- agenticore-job:${request.job.id}/2 -->`])
  t.same(clock.sleeps, [1000])
})

t.test('the comment is found behind hundreds of others', async t => {
  const { request, fullName } = await pushedTo(world)
  const pullRequests = pullRequestsOn(github.url)
  await pullRequests.open(request, never)
  const next = { ...request, doneBy: 2, comment: 'More.' }
  const headers = { authorization: `Bearer ${token}` }
  const say = (body: string) =>
    fetch(`${github.url}/repos/${fullName}/issues/1/comments`, {
      method: 'POST',
      headers,
      body: JSON.stringify({ body }),
    })
  for (let n = 0; n < 200; n += 1) await say(`No. ${n}`)
  await pullRequests.open(next, never)
  await pullRequests.open(next, never)
  t.equal(github.pulls(fullName)[0]?.comments.length, 201)
  const pages = github.requests.filter(
    ({ method, path }) => method === 'GET' && path.startsWith(`/repos/${fullName}/issues/`),
  )
  t.same(
    pages.map(({ path }) => new URL(path, github.url).searchParams.get('page')),
    ['1', '2', '1', '2', '3'],
  )
})
