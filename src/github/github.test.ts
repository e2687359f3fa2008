import t from 'tap'
import { newJob } from '../../test/helpers/jobs.ts'
import { isPrivateWay } from '../jobs/credentials.ts'
import type { Job } from '../jobs/job.ts'
import { parseRepository } from '../jobs/repository.ts'
import { commentFor, describe } from './description.ts'
import { gitHubAddress, gitHubToken, isOnGitHub } from './hosts.ts'

const com = { apiUrl: 'https://api.github.com' }
const ghe = { apiUrl: 'https://ghe.corp/api/v3' }
const here = { apiUrl: 'http://127.0.0.1:8080' }
const { signal } = new AbortController()

t.test('a repository is on GitHub when its host is, and the token goes where nobody reads along', async t => {
  for (const [url, settings, on, header] of [
    ['https://github.com/o/r', com, true, true],
    ['https://github.com/o/r', ghe, true, true],
    ['https://ghe.corp/o/r', ghe, true, true],
    ['https://ghe.corp/o/r', com, false, false],
    ['http://github.com/o/r', com, true, false],
    ['git@github.com:o/r', com, true, false],
    ['ssh://git@ghe.corp:2222/o/r', ghe, true, false],
    ['https://github.com.evil.com/o/r', com, false, false],
    ['https://evil.com/github.com/r', com, false, false],
    ['https://api.github.com/o/r', com, false, false],
    ['http://127.0.0.1:8080/o/r', here, true, true],
    ['http://127.0.0.1:8081/o/r', here, false, false],
    ['https://github.com:8443/o/r', com, false, false],
    ['/srv/github.com', com, false, false],
  ] as const) {
    const address = parseRepository(url)
    t.equal(isOnGitHub(address, settings), on, url)
    const found = (await gitHubToken('tok', settings)(address, signal)).kind === 'found'
    t.equal(found, on, `${url}: token`)
    t.equal(found && isPrivateWay(address), header, `${url}: header`)
    t.equal((await gitHubToken('', settings)(address, signal)).kind, 'none', `${url}: no token`)
  }
  const lookup = await gitHubToken('tok', com)(parseRepository('https://github.com/o/r'), signal)
  t.strictSame(lookup, {
    kind: 'found',
    credential: { username: 'x-access-token', password: 'tok', source: 'GITHUB_TOKEN' },
  })
})

t.test('the address of a repository on the GitHub of the API', async t => {
  t.equal(gitHubAddress('o/r', com).url, 'https://github.com/o/r.git')
  t.equal(gitHubAddress('o/r', ghe).url, 'https://ghe.corp/o/r.git')
  t.equal(gitHubAddress('o/ü r', here).normalised, 'http://127.0.0.1:8080/o/ü r')
})

const request = {
  job: {
    ...newJob(new Date(), { task: 'Fix it\n\n> quoted\nand more' }),
    modelUsed: 'm',
    numTurns: 3,
    totalCostUsd: 0.129,
  },
  head: 'agenticore/x',
  base: 'main',
  summary: 'Did it.\n',
  files: [
    { path: 'a.txt', added: 2, removed: 1 },
    { path: 'logo.png' },
    { path: 'sub', added: 1, removed: 0, isRepository: true as const },
  ],
  draft: false,
  labels: [],
  doneBy: 1,
}
const marker = `<!-- agenticore-job:${request.job.id}/1 -->`

t.test('title and body say what was asked, what was done, where, and at what cost', async t => {
  const { title, body } = describe(request)
  t.equal(title, 'Fix it')
  t.match(body, /^Did it\.\n\n## Task\n\n> Fix it\n> \n> > quoted\n> and more\n\n## Changed files \(3\)/)
  t.match(body, '| <code>a.txt</code> | +2 −1 |')
  t.match(body, '| <code>logo.png</code> | binary |')
  t.match(body, '| <code>sub</code> | a repository of its own, without its files |')
  t.ok(body.endsWith(`model m · 3 turns · $0.13\n\n${marker}`))
  t.notMatch(body, '--session-id')
  t.match(describe({ ...request, summary: ' ' }).body, 'The agent left no summary.')
})

t.test('the body says how to go on, as a command that a shell takes as it is', async t => {
  const sessionId = '0199-s'
  const shown = (job: Partial<Job>) =>
    /To go on.*?(`{3,}sh\n.*)\n\n---/s.exec(describe({ ...request, job: { ...request.job, ...job } }).body)?.[1]
  const block = (command: string, fence = '```') => `${fence}sh\n${command}\n${fence}`
  t.equal(
    shown({ sessionId, repoUrl: 'git@ghe.corp:o/r.git' }),
    block('agenticore run "…" --repo git@ghe.corp:o/r.git --session-id 0199-s'),
  )
  t.equal(
    shown({ sessionId, repoUrl: "https://h/o'$(x)/r" }),
    block(`agenticore run "…" --repo 'https://h/o'\\''$(x)/r' --session-id 0199-s`),
  )
  const hostile = 'x\n```\n# Hello'
  t.equal(
    shown({ sessionId: hostile, repoUrl: '/r' }),
    block(`agenticore run "…" --repo /r --session-id '${hostile}'`, '````'),
  )
  t.equal(shown({}), undefined)
})

t.test('a comment carries the mark of its attempt, however long it is', async t => {
  t.equal(commentFor(request), undefined)
  t.equal(commentFor({ ...request, comment: 'More.' }), `More.\n\n${marker}`)
  const long = commentFor({ ...request, comment: 'x'.repeat(100_000) }) ?? ''
  t.ok(long.length < 65_536 && long.endsWith(marker))
})

t.test('a file name is shown as it is and does nothing to the page', async t => {
  const path = 'a|b\n`c` <img src=x> @octocat &amp;'
  const { body } = describe({ ...request, files: [{ path }] })
  const row = body.split('\n').find(line => line.startsWith('| <code>')) ?? ''
  t.equal(row, '| <code>a&#124;b␤&#96;c&#96; &lt;img src=x&gt; &#64;octocat &amp;amp;</code> | binary |')
})

t.test('what is too long is cut, and says so', async t => {
  const files = Array.from({ length: 60 }, (_, n) => ({ path: `f${n}`, added: 1, removed: 0 }))
  const { body } = describe({
    ...request,
    files,
    summary: 'x'.repeat(100_000),
    job: { ...request.job, task: 'y'.repeat(100_000) },
  })
  t.match(body, '… and 10 more')
  t.ok(body.length < 40_000)
  t.equal(body.match(/… \(cut\)/g)?.length, 2)
  const deep = files.map(({ path }) => ({ path: `${'`'.repeat(3000)}${path}` }))
  t.match(describe({ ...request, files: deep.slice(0, 2) }).body, '… and 2 more')
  const task = `a${'\n'.repeat(7990)}b`
  const worst = { ...request, files: deep, summary: 'x'.repeat(100_000), job: { ...request.job, task } }
  t.ok(describe(worst).body.length < 65_536)
})
