import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { git } from '../fixtures/github/git.ts'
import type { Cli } from '../helpers/cli.ts'
import { bash, claudeCode, jobIn, scriptedAgent, world } from '../helpers/e2e.ts'
import { processesWith } from '../helpers/processes.ts'
import { agentGit } from '../helpers/repos.ts'
import { until } from '../helpers/until.ts'

const files = { 'a.txt': 'a\n' }

/**
 * A job whose agent writes a file, and then is in a tool call that ends when there is a file `go`.
 * @param calls how many of these it makes: each attempt that goes on with the conversation gets to the next
 */
async function working(t: Test, env: Readonly<Record<string, string>> = scriptedAgent, calls = 1) {
  const [started, go] = [join(t.testdirName, 'home/started'), join(t.testdirName, 'home/go')]
  const hold = bash(`echo one > one.txt; touch ${started}; until [ -e ${go} ]; do sleep 0.05; done; echo on`)
  const turns = [...Array.from({ length: calls }, () => hold), bash('echo two > two.txt'), { text: 'Both.' }]
  const { cli, github } = await world(t, [{ turns }], env)
  const repo = await github.createRepo({ owner: 'o', name: 'r', files })
  const run = cli.start(['run', 'write both', '-r', repo.cloneUrl, '--local', '--wait', '--json'])
  await until(() => existsSync(started) || undefined)
  const job = JSON.parse((await cli(['jobs', '--json', '--local'])).stdout)[0]
  return {
    cli,
    github,
    repo,
    run,
    id: String(job.id),
    sessionId: String(job.session_id),
    go: () => writeFileSync(go, ''),
  }
}

const status = async (cli: Cli, id: string) => jobIn(await cli(['job', id, '--json', '--local']))
const treesOf = ({ home }: Cli) =>
  readdirSync(join(home, '.agenticore/worktrees')).filter(name => !name.startsWith('.'))

t.test('kill -9 in the middle of a tool: the next command ends what is left, resume finishes the job', async t => {
  const { cli, github, repo, run, id, sessionId, go } = await working(t, claudeCode)
  run.kill('SIGKILL')
  await run
  t.ok(processesWith(id).length > 0, 'the agent goes on alone')
  const next = await cli(['jobs'])
  t.strictSame(processesWith(id), [])
  t.match(next.stderr, `The process that held job ${id.slice(-12)} is gone: it is queued again`)
  t.match(await status(cli, id), { status: 'queued', attempt: 0, interruptions: 1 })
  go()
  const result = await cli(['resume', id, '--json'])
  const job = jobIn(result)
  t.match(job, { status: 'succeeded', fence: 2, resumed: true, session_id: sessionId, changed_files: 2 }, result.stderr)
  t.equal(await git(repo.path, ['show', `${job.branch}:one.txt`]), 'one')
  t.equal(await git(repo.path, ['for-each-ref', '--format=%(refname)']), `refs/heads/${job.branch}\nrefs/heads/main`)
  t.equal(github.pulls('o/r').length, 1)
  t.match((await cli(['logs', id])).stdout, 'the process that ran it died: back in the queue')
})

t.test(
  'kill -9 between push and pull request: what the agent left is delivered, and it is not asked again',
  async t => {
    const { cli, github, model } = await world(
      t,
      [{ turns: [bash('echo one > one.txt'), { text: 'One.' }, { text: 'More.' }] }],
      scriptedAgent,
    )
    const repo = await github.createRepo({ owner: 'o', name: 'r', files })
    const [path, silent] = [/\/pulls$/, true] as const
    github.fail({ method: 'POST', path, silent })
    const run = cli.start(['run', 'write one', '-r', repo.cloneUrl, '--local', '--json'])
    await github.waitFor(request => request.method === 'POST' && path.test(request.path))
    run.kill('SIGKILL')
    await run
    const branches = () =>
      git(repo.path, ['for-each-ref', '--format=%(objectname) %(refname)', 'refs/heads/agenticore'])
    const [pushed, asked] = [await branches(), model.requests.length]
    t.match(pushed, /^[0-9a-f]{40} /)
    const result = await cli(['resume', '--json'])
    const job = jobIn(result)
    t.match(job, { status: 'succeeded', fence: 2, output: 'One.', num_turns: 2, changed_files: 1 }, result.stderr)
    t.equal(job.head_sha, pushed.slice(0, 40))
    t.equal(await branches(), pushed, 'the branch is as it was')
    t.equal(model.requests.length, asked)
    t.match(github.pulls('o/r'), [{ body: /^One\.\n.*agenticore-job:.*\/1 -->$/s }])
    t.match((await cli(['logs', job.id])).stdout, 'the agent was done in attempt 1: what it left is delivered')
    const next = jobIn(await cli(['run', 'and now?', '--session-id', job.id, '--local', '--json']))
    t.match(next, { status: 'succeeded', resumed: true }, next.error ?? '')
  },
)

t.test('what somebody else pushed in the meantime is not overwritten', async t => {
  const { cli, github } = await world(t, [{ turns: [bash('echo one > one.txt'), { text: 'One.' }] }], scriptedAgent)
  const repo = await github.createRepo({ owner: 'o', name: 'r', files })
  github.fail({ method: 'POST', path: /\/pulls$/, silent: true })
  const run = cli.start(['run', 'write one', '-r', repo.cloneUrl, '--local', '--json'])
  await github.waitFor(request => request.method === 'POST' && request.path.endsWith('/pulls'))
  run.kill('SIGKILL')
  await run
  const branch = await git(repo.path, ['for-each-ref', '--format=%(refname)', 'refs/heads/agenticore'])
  const theirs = await agentGit(repo.path, 'commit-tree', '-p', branch, '-m', 'by a human', `${branch}^{tree}`)
  await git(repo.path, ['update-ref', branch, theirs])
  const job = jobIn(await cli(['resume', '--json']))
  t.match(job, {
    status: 'failed',
    error_code: 'push_rejected',
    error: /somebody else has pushed to the branch; nothing/,
  })
  t.equal(await git(repo.path, ['rev-parse', branch]), theirs)
  t.match(readFileSync(join(cli.home, '.agenticore/jobs', `${job.id}.d/2/diff.patch`), 'utf8'), '+one')
})

t.test('Ctrl-C, then resume without an id: the same conversation goes on in the same tree', async t => {
  const { cli, run, id, sessionId, go } = await working(t)
  run.kill('SIGINT')
  t.equal((await run).exitCode, 130)
  t.strictSame(treesOf(cli), [id])
  go()
  const result = await cli(['resume', '--json'])
  t.match(jobIn(result), { id, status: 'succeeded', resumed: true, session_id: sessionId, changed_files: 2 })
  t.strictSame(treesOf(cli), [])
  t.match(await cli(['resume']), { exitCode: 0, stderr: /No job is queued/ })
})

t.test('cancel from another terminal stops the agent and keeps its work as a patch', async t => {
  const { cli, run, id } = await working(t)
  t.match(await cli(['cancel', id]), { exitCode: 0, stdout: `${id.slice(-12)}  stopping\n` })
  const result = await run
  t.equal(result.exitCode, 1)
  t.match(jobIn(result), { status: 'cancelled', cancel_requested_at: String })
  t.strictSame(processesWith(id), [])
  t.strictSame(treesOf(cli), [])
  t.match(readFileSync(join(cli.home, '.agenticore/jobs', `${id}.d/1/diff.patch`), 'utf8'), '+one')
})

t.test('cancel of a job that waits ends it and clears its tree away; the others are cancelled, too', async t => {
  const { cli, run, id } = await working(t)
  run.kill('SIGINT')
  await run
  const result = await cli(['cancel', 'ffffffff', id, '--json', '--local'])
  t.equal(result.exitCode, 4)
  t.match(JSON.parse(result.stdout), [{ id, status: 'cancelled' }])
  t.match(result.stderr, 'There is no job "ffffffff"')
  t.strictSame(treesOf(cli), [])
  t.strictSame(readdirSync(join(cli.home, '.agenticore/worktrees/.agent')), [])
})

t.test('a cancel that comes too late takes nothing away', async t => {
  const { cli } = await world(
    t,
    [{ turns: [bash('echo all is well > report.txt'), { text: 'Written.' }] }],
    scriptedAgent,
  )
  const job = jobIn(await cli(['run', 'make a report', '--local', '--json']))
  const report = join(job.job_config_dir, 'report.txt')
  t.equal(readFileSync(report, 'utf8'), 'all is well\n')
  t.match(await cli(['cancel', job.id]), { stdout: /succeeded/ })
  t.equal(readFileSync(report, 'utf8'), 'all is well\n')
})

t.test('a job that fails says so by its exit code, whether its output is read or not', async t => {
  const { cli } = await world(t, [{ turns: [{ status: 400 }] }], scriptedAgent)
  const run = cli.start(['run', 'x', '--local', '--json'])
  run.stdout.destroy()
  t.equal((await run).exitCode, 1)
})

t.test('an origin that is gone by the time of the next attempt leaves nothing behind', async t => {
  const { cli, repo, run, id } = await working(t)
  run.kill('SIGINT')
  await run
  t.strictSame(treesOf(cli), [id])
  renameSync(repo.path, `${repo.path}.gone`)
  t.match(jobIn(await cli(['resume', '--json'])), { id, status: 'failed', error_code: /^origin_|^git_failed/ })
  t.strictSame(treesOf(cli), [])
  t.strictSame(readdirSync(join(cli.home, '.agenticore/worktrees/.runner')), [])
  t.strictSame(readdirSync(join(cli.home, 'tmp/agenticore-jobs')), [])
})

t.test('retry asks for the same again, as a job of its own', async t => {
  const { cli, github, run, id, go } = await working(t)
  go()
  const first = jobIn(await run)
  const again = jobIn(await cli(['retry', id, '--local', '--json']))
  t.match(again, { status: 'succeeded', task: first.task, repo_url: first.repo_url, changed_files: 2, resumed: false })
  t.not(again.id, first.id)
  t.not(again.branch, first.branch)
  t.equal(github.pulls('o/r').length, 2)
  const alone = await cli(['retry', id, '--json'])
  t.match(alone.stderr, /No server answers at .*: a job of this machine runs in this process/)
  t.match(jobIn(alone), { status: 'succeeded', task: again.task })
})

t.test('an idempotency key stands for one job', async t => {
  const { cli } = await world(t, [{ turns: [{ text: 'hello' }] }], scriptedAgent)
  const run = (task: string) => cli(['run', task, '--local', '--json', '--idempotency-key', 'k'])
  const first = jobIn(await run('x'))
  const second = await run('x')
  t.strictSame(jobIn(second), first)
  t.match(second, { exitCode: 0, stderr: /The idempotency key belongs to job/ })
  t.match(await run('something else'), { exitCode: 1, stdout: '', stderr: /idempotency_conflict/ })
})

t.test('a job that takes its process down three times is given up', { timeout: 60_000 }, async t => {
  const { cli, run, id } = await working(t, scriptedAgent, 3)
  run.kill('SIGKILL')
  await run
  for (const fence of [2, 3]) {
    const again = cli.start(['resume', id])
    await until(async () => {
      const job = await status(cli, id)
      return job.fence === fence ? job.pid : undefined
    })
    again.kill('SIGKILL')
    await again
  }
  t.match((await cli(['jobs'])).stderr, `${id.slice(-12)} is gone: it is failed`)
  t.match(await status(cli, id), { status: 'failed', error_code: 'poison', fence: 3 })
  t.strictSame(processesWith(id), [])
  t.strictSame(treesOf(cli), [])
})

t.test('doctor says what is there and what to do', async t => {
  const { cli } = await world(t, [])
  const well = await cli(['doctor', '--json'])
  t.equal(well.exitCode, 0, well.stderr)
  const findings: { check: string; status: string }[] = JSON.parse(well.stdout)
  const names = [
    'settings',
    'git',
    'agent',
    'GitHub',
    'isolation',
    'agentihooks',
    'jobs',
    'working trees',
    'clone cache',
    'locks',
  ]
  t.strictSame(
    findings.map(({ check }) => check),
    names,
  )
  const ill = await cli(['doctor'], { env: { AGENTICORE_CLAUDE_BINARY: '/no/claude', GITHUB_TOKEN: '' } })
  t.equal(ill.exitCode, 1)
  t.match(ill.stdout, /✘ agent .*"\/no\/claude" was not found/)
  t.match(ill.stdout, /! GitHub .*no credential for 127\.0\.0\.1:\d+ \(GITHUB_TOKEN is not set, /)
})

t.test('kill -9 while git waits for an origin: nothing of it is left after the next command', async t => {
  const { cli } = await world(t, [])
  const asked = Promise.withResolvers<void>()
  const server = createServer(() => asked.resolve()).listen(0, '127.0.0.1')
  t.teardown(() => server.close())
  await once(server, 'listening')
  const address = server.address()
  const port = typeof address === 'object' ? address?.port : 0
  // Through a proxy only git knows the way.
  const env = { http_proxy: `http://127.0.0.1:${port}` }
  const run = cli.start(['run', 'x', '-r', 'http://origin.invalid/o/r.git', '--local'], { env })
  await asked.promise
  const id = String(JSON.parse((await cli(['jobs', '--json', '--local'])).stdout)[0].id)
  t.ok(processesWith(id).length > 0, 'git carries the mark of the job')
  run.kill('SIGKILL')
  await run
  await cli(['jobs'])
  t.strictSame(processesWith(id), [])
})

t.test('cancel of a job that waits for its time ends whoever waits with it', async t => {
  const { cli } = await world(t, [])
  const env = { AGENTICORE_CLAUDE_BINARY: join(import.meta.dirname, '../fixtures/agents/busy-429') }
  const run = cli.start(['run', 'x', '--local', '--json'], { env })
  const id = await until(async () => {
    const [job] = JSON.parse((await cli(['jobs', '--json', '--local'])).stdout)
    return job?.not_before === undefined ? undefined : String(job.id)
  })
  await cli(['cancel', id])
  const result = await run
  t.match(jobIn(result), { id, status: 'cancelled' })
  t.equal(result.exitCode, 1)
})

t.test('a tree deeper than a path can say is removed, and harms no other job', async t => {
  const deep = bash('n=$(printf "d%.0s" $(seq 200)); for i in $(seq 60); do mkdir $n; cd $n; done; touch x')
  const { cli, github } = await world(t, [{ turns: [deep, { text: 'Done.' }] }], scriptedAgent)
  const repo = await github.createRepo({ owner: 'o', name: 'r', files })
  const result = await cli(['run', 'x', '-r', repo.cloneUrl, '--local', '--json'])
  t.match(jobIn(result), { status: 'succeeded' })
  t.strictSame(treesOf(cli), [])
  t.notMatch((await cli(['logs', jobIn(result).id])).stdout, 'Clean-up')
})

for (const damaged of ['attempt.json', 'outcome.json']) {
  t.test(`a damaged ${damaged} keeps nobody from ending a killed attempt and running the job again`, async t => {
    const { cli, run, id, go } = await working(t)
    run.kill('SIGKILL')
    await run
    writeFileSync(join(cli.home, '.agenticore/jobs', `${id}.d/1`, damaged), '{"id":')
    const next = await cli(['jobs', '--json'])
    t.strictSame(processesWith(id), [])
    t.match(next.stderr, 'it is queued again')
    t.match(JSON.parse(next.stdout), [{ id, status: 'queued' }])
    go()
    t.match(jobIn(await cli(['resume', id, '--json'])), { status: 'succeeded', fence: 2, changed_files: 2 })
  })
}
