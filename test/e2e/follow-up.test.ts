import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { branchTip, git } from '../fixtures/github/git.ts'
import { bash, jobIn, scriptedAgent, token, world } from '../helpers/e2e.ts'

const files = { 'app.txt': 'version 1\n' }
const commit = (text: string) => bash(`echo ${text} > app.txt && git commit -qam ${text}`)

t.test('a follow-up goes on with the conversation, on the branch, in the pull request', async t => {
  const usage = { input_tokens: 1000, output_tokens: 1000 }
  const turns = [
    { ...commit('two'), usage },
    { text: 'FIRST-ANSWER', usage },
    { ...bash(`git log --format=%s; echo ${token}`), usage },
    { ...commit('three'), usage },
    { text: 'Now three.', usage },
  ]
  const { github, model, cli } = await world(t, [{ turns }])
  const repo = await github.createRepo({ owner: 'octo', name: 'app', files })
  const first = jobIn(await cli(['run', 'Make it two', '-r', repo.cloneUrl, '--local', '--json']))
  const session = first.session_id ?? ''
  const other = 'https://github.com/o/other'
  for (const [args, exitCode, says] of [
    [['--session-id', 'nonsense'], 4, /has had the conversation "nonsense"/],
    [['--session-id', session, '-r', other], 2, /not about https:\/\/github\.com\/o\/other/],
    [['--session-id', session, '--base-ref', 'v1'], 2, /not at "v1": leave the base ref out/],
  ] as const) {
    const refused = await cli(['run', 'x', ...args, '--local'])
    t.equal(refused.exitCode, exitCode, refused.stderr)
    t.match(refused.stderr, says)
  }
  const result = await cli(['run', 'Now make it three', '--session-id', session, '--local', '--json'])
  t.equal(result.exitCode, 0, result.stderr)
  const second = jobIn(result)
  t.match(second, {
    status: 'succeeded',
    branch: first.branch,
    base_sha: first.head_sha,
    session_id: session,
    resumed: true,
    pr_url: first.pr_url,
    num_turns: 3,
    repo_url: first.repo_url,
  })
  t.equal(await branchTip(repo.path, first.branch), second.head_sha)
  t.equal(await git(repo.path, ['log', '--format=%s', `${repo.commit}..${first.branch}`]), 'three\ntwo')
  t.match(JSON.stringify(model.requests.at(-1)?.body), 'FIRST-ANSWER')
  const [pull, ...others] = github.pulls('octo/app')
  t.same(others, [])
  t.match(pull?.body, `--session-id ${session}`, 'how to go on')
  t.match(pull?.comments, [
    { body: /^Now three\.\n\nAsked for was: Now make it three\. The branch is at [0-9a-f]{40} now/ },
  ])
  const cost = [first, second].map(job => job.total_cost_usd ?? 0)
  t.ok((cost[0] ?? 0) > 0 && Math.abs((cost[1] ?? 0) - ((cost[0] ?? 0) * 3) / 2) < 0.01, `its own cost alone: ${cost}`)

  const kept = readdirSync(join(cli.home, '.agenticore/jobs'), { recursive: true, encoding: 'utf8' })
  const transcripts = kept.filter(path => path.endsWith('session.jsonl'))
  t.equal(transcripts.length, 2)
  for (const path of transcripts) t.notMatch(readFileSync(join(cli.home, '.agenticore/jobs', path), 'utf8'), token)

  for (const path of transcripts) rmSync(join(cli.home, '.agenticore/jobs', path))
  const gone = await cli(['run', 'Once more', '--session-id', session, '--local', '--json'])
  t.match(jobIn(gone), { status: 'failed', error_code: 'session_not_found' })
})

t.test('a follow-up by the first job goes on from where the conversation stands', async t => {
  const turns = [{ text: 'ONE' }, { text: 'TWO' }, { text: 'THREE' }]
  const { model, cli } = await world(t, [{ turns }], scriptedAgent)
  const first = jobIn(await cli(['run', 'Say one', '--local', '--json']))
  await cli(['run', 'Say two', '--session-id', first.session_id ?? '', '--local', '--json'])
  const third = jobIn(await cli(['run', 'Say three', '--session-id', first.id, '--local', '--json']))
  t.match(third, { status: 'succeeded', output: 'THREE' })
  t.match(JSON.stringify(model.requests.at(-1)?.body), /ONE.*TWO/)
})

t.test('a follow-up that never began keeps the conversation where it was', async t => {
  const { model, cli } = await world(t, [{ turns: [{ text: 'ONE' }, { text: 'TWO' }] }], scriptedAgent)
  const profile = join(cli.home, '.agenticore/profiles/broken')
  mkdirSync(profile, { recursive: true })
  writeFileSync(join(profile, 'profile.yml'), 'setup: "false"\n')
  const first = jobIn(await cli(['run', 'Say one', '--local', '--json']))
  const session = ['--session-id', first.session_id ?? '', '--local', '--json']
  t.match(jobIn(await cli(['run', 'Never', '-p', 'broken', ...session])), { error_code: 'setup_failed' })
  const third = jobIn(await cli(['run', 'Say two', '-p', 'coding', ...session]))
  t.match(third, { status: 'succeeded', output: 'TWO' }, third.error ?? '')
  t.match(JSON.stringify(model.requests.at(-1)?.body), 'ONE')
})

t.test('a follow-up of a branch that is gone says so, to the agent and in the log', async t => {
  const turns = [commit('two'), { text: 'Two.' }, commit('three'), { text: 'Three.' }]
  const { github, model, cli } = await world(t, [{ turns }], scriptedAgent)
  const repo = await github.createRepo({ owner: 'octo', name: 'app', files })
  const first = jobIn(await cli(['run', 'Make it two', '-r', repo.cloneUrl, '--local', '--json']))
  await git(repo.path, ['update-ref', '-d', `refs/heads/${first.branch}`])
  const second = jobIn(await cli(['run', 'And three', '--session-id', first.session_id ?? '', '--local', '--json']))
  t.match(second, { status: 'succeeded', base_sha: repo.commit, branch: first.branch, resumed: true })
  t.match(
    (await cli(['logs', second.id])).stdout,
    `The branch ${first.branch} is not at the origin: the tree starts at main`,
  )
  t.match(JSON.stringify(model.requests.at(-1)?.body), 'nothing of what your earlier run made')
})

t.test('a follow-up that does not pass says so in the pull request that has its commits', async t => {
  const turns = [commit('two'), { text: 'Two.' }, commit('three'), { text: 'Three.' }]
  const { github, cli } = await world(t, [{ turns }], scriptedAgent)
  const repo = await github.createRepo({ owner: 'octo', name: 'app', files })
  const profile = join(cli.home, '.agenticore/profiles/checked')
  mkdirSync(profile, { recursive: true })
  const verify = 'verify: echo $API_TOKEN; grep two app.txt\nverify_attempts: 0\n'
  writeFileSync(join(profile, 'profile.yml'), `extends: coding\nenv: {API_TOKEN: npm-canary-12345}\n${verify}`)
  const args = ['-p', 'checked', '--local', '--json']
  const first = jobIn(await cli(['run', 'Make it two', '-r', repo.cloneUrl, ...args]))
  t.match(first, { status: 'succeeded', pr_url: String })
  const second = jobIn(await cli(['run', 'And three', '--session-id', first.session_id ?? '', ...args]))
  t.match(second, { status: 'failed', error_code: 'verify_failed', pr_url: first.pr_url })
  t.equal(await branchTip(repo.path, first.branch), second.head_sha)
  t.match(github.pulls('octo/app'), [
    { comments: [{ body: /^Three\.\n\nIt does not pass: `echo .*grep two app\.txt` still fails: exit code 1\n/ }] },
  ])
  t.notMatch(github.pulls('octo/app')[0]?.comments[0]?.body, 'npm-canary', 'what verify printed of a secret')
})

t.test('a job without a repository is continued, too', async t => {
  const { model, cli } = await world(t, [{ turns: [{ text: 'FIRST-ANSWER' }, { text: 'Second.' }] }])
  const first = jobIn(await cli(['run', 'Say something', '--local', '--json']))
  const again = [
    'run',
    'And now?',
    '--session-id',
    first.session_id ?? '',
    '--idempotency-key',
    'k',
    '--local',
    '--json',
  ]
  const second = jobIn(await cli(again))
  t.match(second, { status: 'succeeded', output: 'Second.', resumed: true })
  t.match(JSON.stringify(model.requests.at(-1)?.body), 'FIRST-ANSWER')
  t.equal(jobIn(await cli(again)).id, second.id, 'the same request again is the same job')
  const byId = await cli(['run', 'And now?', '--session-id', first.id, '--local', '--json'])
  t.match(jobIn(byId), { resumed: true, session_id: first.session_id })
})
