import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { git } from '../fixtures/github/git.ts'
import type { Cli } from '../helpers/cli.ts'
import { bash, jobIn, modelKey, scriptedAgent, token, world } from '../helpers/e2e.ts'
import { processesWith } from '../helpers/processes.ts'

const fix = { text: 'I fix it.', ...bash("sed -i 's/1/2/' app.txt && git commit -qam 'app: two'") }
const summary = { text: 'The app now says two, because one was wrong. Checked by eye.' }
const files = { 'app.txt': 'version 1\n', 'README.md': '# app\n' }

/** The files under a directory that hold one of the secrets, in any form git or HTTP would write it. */
function filesWithSecrets(directory: string): string[] {
  const secrets = [token, modelKey].flatMap(secret => [
    secret,
    Buffer.from(secret).toString('base64'),
    Buffer.from(`x-access-token:${secret}`).toString('base64'),
  ])
  const names = readdirSync(directory, { recursive: true, withFileTypes: true })
  const paths = names.filter(entry => entry.isFile()).map(entry => join(entry.parentPath, entry.name))
  return paths.filter(path => secrets.some(secret => readFileSync(path).includes(secret)))
}

t.test('a task on a private GitHub repository becomes a branch and a pull request', async t => {
  const look = bash('env; cat /proc/$PPID/environ /proc/$PPID/cmdline | tr "\\0" "\\n"; cat .git/config; git remote -v')
  const { github, model, cli } = await world(t, [{ turns: [look, fix, summary] }])
  const repo = await github.createRepo({ owner: 'octo', name: 'app', private: true, defaultBranch: 'trunk', files })
  const result = await cli(['run', 'Make it say two', '--repo', repo.cloneUrl, '--local', '--wait', '--json'])
  t.equal(result.exitCode, 0, result.stderr)
  const job = jobIn(result)
  t.match(job, {
    status: 'succeeded',
    base_sha: repo.commit,
    changed_files: 1,
    num_turns: 3,
    exit_code: 0,
    output: summary.text,
    pr_url: `${github.url}/octo/app/pull/1`,
  })
  const sha = await git(repo.path, ['rev-parse', job.branch])
  t.equal(job.head_sha, sha)
  t.equal(await git(repo.path, ['show', `${sha}:app.txt`]), 'version 2')
  t.equal(await git(repo.path, ['log', '--format=%s|%an', `${repo.commit}..${sha}`]), 'app: two|agenticore')
  const [pull, ...others] = github.pulls('octo/app')
  t.strictSame(others, [])
  t.match(pull, { title: 'Make it say two', base: 'trunk', head: job.branch })
  for (const part of [summary.text, '> Make it say two', 'app.txt', '+1 −1', '3 turns']) t.match(pull?.body, part)

  t.strictSame(filesWithSecrets(cli.home), [], 'no secret in any file of the home directory')
  t.notMatch(result.stdout + result.stderr, token)
  t.notMatch(JSON.stringify(model.requests.map(request => request.body)), token, 'the agent saw no token')
  t.notMatch(JSON.stringify(model.requests.map(request => request.body)), modelKey, "the agent's tools saw no key")
  t.strictSame(readdirSync(join(cli.home, '.agenticore/worktrees')).sort(), ['.agent', '.runner'])
  t.strictSame(readdirSync(join(cli.home, '.agenticore/worktrees/.agent')), [])
  t.strictSame(readdirSync(join(cli.home, '.agenticore/worktrees/.runner')), [])
})

t.test('what the agent left uncommitted is committed, with the job in a trailer', async t => {
  const { github, cli } = await world(
    t,
    [{ turns: [bash('echo new > new.txt; echo more >> app.txt'), summary] }],
    scriptedAgent,
  )
  const repo = await github.createRepo({ owner: 'octo', name: 'app', files })
  const job = jobIn(await cli(['run', 'Add a file', '-r', repo.cloneUrl, '--local', '--json']))
  t.equal(job.status, 'succeeded')
  const message = await git(repo.path, ['log', '-1', '--format=%B', job.branch])
  t.equal(message.trim(), `Add a file\n\nAgenticore-Job: ${job.id}/1`)
  t.equal(await git(repo.path, ['diff', '--name-only', repo.commit, job.branch]), 'app.txt\nnew.txt')
})

t.test('live progress is on standard error in plain lines, the outcome on standard output', async t => {
  const { github, cli } = await world(t, [{ turns: [fix, summary] }])
  const repo = await github.createRepo({ owner: 'octo', name: 'app', files })
  const { stdout, stderr, exitCode } = await cli(['run', 'Say two', '-r', repo.cloneUrl, '--local', '--wait'])
  t.equal(exitCode, 0)
  for (const part of ['main at', 'Claude Code 2.', 'I fix it.', 'Bash sed', 'pushed agenticore/', '/octo/app/pull/1']) {
    t.match(stderr, part)
  }
  t.match(stdout, /^succeeded {2}\d+.* · 2 turns · \$/)
  for (const part of ['branch        agenticore/', '1 file', 'pull request  http', summary.text]) t.match(stdout, part)
  // biome-ignore lint/suspicious/noControlCharactersInRegex: none of these may be there
  t.notMatch(stdout + stderr, /\u001b|\r/)
})

t.test('a job that changes nothing succeeds without branch and pull request, and says so', async t => {
  const { github, cli } = await world(t, [{ turns: [{ text: 'All is well already.' }] }], scriptedAgent)
  const repo = await github.createRepo({ owner: 'octo', name: 'app', files })
  const { stdout, stderr, exitCode } = await cli(['run', 'Look', '-r', repo.cloneUrl, '--local', '--wait'])
  t.equal(exitCode, 0)
  t.match(stderr, 'nothing changed')
  t.match(stdout, 'none: nothing was pushed')
  t.equal(await git(repo.path, ['for-each-ref', '--format=%(refname:short)', 'refs/heads']), 'main')
  t.strictSame(github.pulls('octo/app'), [])
})

t.test('a pull request that fails is an error of its own; the branch is there', async t => {
  const { github, cli } = await world(t, [{ turns: [fix, summary] }], scriptedAgent)
  const repo = await github.createRepo({ owner: 'octo', name: 'app', files })
  github.fail({ method: 'POST', path: /\/pulls/, status: 403, body: { message: 'Resource not accessible' }, times: 9 })
  const result = await cli(['run', 'Say two', '-r', repo.cloneUrl, '--local', '--json'])
  const job = jobIn(result)
  t.equal(result.exitCode, 0)
  t.match(job, { status: 'succeeded', pr_error: /Resource not accessible/ })
  t.equal(job.pr_url, undefined)
  t.equal(await git(repo.path, ['rev-parse', job.branch]), job.head_sha)
})

t.test('an origin that is a directory gets the branch; --repo . means the origin of the working directory', async t => {
  const { github, cli } = await world(t, [{ turns: [fix, summary] }], scriptedAgent)
  const repo = await github.createRepo({ owner: 'octo', name: 'app', files })
  const clone = join(cli.home, 'clone')
  await git(cli.home, ['clone', '--quiet', repo.path, clone])
  const job = jobIn(await cli(['run', 'Say two', '-r', '.', '--local', '--json'], { cwd: clone }))
  t.match(job, { status: 'succeeded', repo_url: repo.path, changed_files: 1 })
  t.equal(await git(repo.path, ['rev-parse', job.branch]), job.head_sha)
  t.equal(await git(clone, ['status', '--porcelain']), '')
})

t.test('a base ref is where the work starts and where the pull request goes', async t => {
  const { github, cli } = await world(t, [{ turns: [fix, summary] }], scriptedAgent)
  const repo = await github.createRepo({ owner: 'octo', name: 'app', files })
  await git(repo.path, ['branch', 'release/1.x', repo.commit])
  const args = ['run', 'Say two', '-r', repo.cloneUrl, '--base-ref', 'release/1.x', '--local', '--json']
  t.match(jobIn(await cli(args)), { status: 'succeeded', base_ref: 'release/1.x' })
  t.equal(github.pulls('octo/app')[0]?.base, 'release/1.x')
})

t.test('a job without a repository works in a directory of its own', async t => {
  const look =
    'echo hi > out.txt; git rev-parse --show-toplevel > git.txt 2>&1; cd $TMPDIR; git rev-parse --show-toplevel'
  const { cli } = await world(t, [{ turns: [bash(look), { text: 'hi' }] }])
  await git(join(cli.home, 'tmp'), ['init', '--quiet'])
  const job = jobIn(await cli(['run', 'echo hello world', '--local', '--json']))
  t.match(job, { status: 'succeeded', output: 'hi', repo_url: '', branch: '' })
  t.equal(readFileSync(join(job.job_config_dir, 'out.txt'), 'utf8'), 'hi\n')
  t.match(readFileSync(join(job.job_config_dir, 'git.txt'), 'utf8'), 'not a git repository', 'whatever it lies in')
  t.notMatch((await cli(['logs', job.id, '--json'])).stdout, '"text":"/', 'nor in its temporary directory')
})

t.test('how a run ends badly is in the record, the exit code and the message; its work is kept as a patch', async t => {
  const { github, cli } = await world(t, [
    { match: 'turns', turns: [bash('echo a > a.txt'), bash('echo b'), bash('echo c')] },
    { match: 'refused', turns: [bash('echo a > a.txt'), { status: 400 }] },
    { match: 'forbidden', turns: [{ status: 403 }] },
    { match: 'slow', turns: [bash('echo a > a.txt'), { stall: 'before' }] },
  ])
  const repo = await github.createRepo({ owner: 'octo', name: 'app', files })
  const ends = [
    ['turns', ['--max-turns', '2'], 'max_turns', 1],
    ['refused', [], 'model_error', 1],
    ['forbidden', [], 'model_error', 1],
    // Time enough for a loaded machine to get as far as the first tool.
    ['slow', ['--timeout', '10'], 'timeout', 124],
  ] as const
  const ran = ends.map(
    async ([task, args]) => await cli(['run', task, '-r', repo.cloneUrl, '--local', '--json', ...args]),
  )
  const results = await Promise.all(ran)
  for (const [index, [task, , code, exit]] of ends.entries()) {
    const result = results[index] ?? { exitCode: -1, stdout: '', stderr: '' }
    const job = jobIn(result)
    t.match(job, { status: 'failed', error_code: code }, task)
    t.equal(result.exitCode, exit, task)
    t.equal(job.head_sha, undefined)
    const patch = join(cli.home, '.agenticore/jobs', `${job.id}.d/1/diff.patch`)
    t.equal(existsSync(patch) && readFileSync(patch, 'utf8').includes('+a'), task !== 'forbidden', `${task}: patch`)
    t.strictSame(processesWith(job.id), [], `${task}: nothing is left running`)
  }
  t.equal(await git(repo.path, ['for-each-ref', '--format=%(refname:short)', 'refs/heads']), 'main')
})

/** Resolves when the program has written this to standard error. */
const said = (program: ReturnType<Cli['start']>, text: string) =>
  new Promise<void>(resolve => {
    let seen = ''
    program.stderr.on('data', chunk => {
      seen += chunk
      if (seen.includes(text)) resolve()
    })
  })

t.test('Ctrl-C ends the agent, says what is kept, and resume runs the job again', async t => {
  const go = join(t.testdirName, 'go')
  const wait = bash(`test -e ${go} || sleep 1000`)
  const { github, cli } = await world(t, [{ turns: [bash('echo a > a.txt'), wait, summary] }])
  const repo = await github.createRepo({ owner: 'octo', name: 'app', files })
  const running = cli.start(['run', 'Say two', '-r', repo.cloneUrl, '--local', '--json', '--wait'])
  await said(running, '▶ Bash test -e')
  running.kill('SIGINT')
  const { exitCode, stdout, stderr } = await running
  t.equal(exitCode, 130)
  const job = jobIn({ stdout })
  t.match(job, { status: 'queued', interruptions: 1, attempt: 0 })
  t.match(stderr, `agenticore resume ${job.id.slice(-12)}`)
  t.strictSame(processesWith(job.id), [])
  t.match(readFileSync(join(cli.home, '.agenticore/jobs', `${job.id}.d/1/diff.patch`), 'utf8'), '+a')
  t.match(jobIn(await cli(['job', job.id, '--json'])), { status: 'queued', queue_position: 1 })

  writeFileSync(go, '')
  const resumed = await cli(['resume', job.id.slice(-12), '--json'])
  t.equal(resumed.exitCode, 0, resumed.stderr)
  t.match(jobIn(resumed), { status: 'succeeded', fence: 2, attempt: 1, interruptions: 1, pr_url: /pull\/1$/ })
  t.equal((await cli(['resume', job.id])).exitCode, 1)
  const events = (await cli(['logs', job.id, '--json'])).stdout
  t.match(events, /"type":"released".*\n.*"id":"2-1".*"type":"claimed"/)
})

t.test('a secret in what the agent says is in no record, and not in the pull request', async t => {
  const { github, cli } = await world(
    t,
    [{ turns: [bash('echo x > x.txt'), { text: `I found ${token} in a file.` }] }],
    scriptedAgent,
  )
  const repo = await github.createRepo({ owner: 'octo', name: 'app', files })
  const job = jobIn(await cli(['run', `Say ${token}`, '-r', repo.cloneUrl, '--local', '--json']))
  t.match(job, { status: 'succeeded', output: 'I found *** in a file.' })
  const [pull] = github.pulls('octo/app')
  t.match(pull, { title: 'Say ***', body: /I found \*\*\* in a file/ })
  t.notMatch(JSON.stringify(pull), token)
  t.notMatch(await git(repo.path, ['log', '--format=%B', job.branch]), token)
})

t.test('a second Ctrl-C cancels the job', async t => {
  const { github, cli } = await world(t, [{ turns: [bash('sleep 1000'), { text: 'x' }] }], scriptedAgent)
  const repo = await github.createRepo({ owner: 'octo', name: 'app', files })
  const running = cli.start(['run', 'Say two', '-r', repo.cloneUrl, '--local', '--wait', '--json'])
  await said(running, '▶ Bash')
  running.kill('SIGINT')
  await said(running, 'Stopping the agent')
  running.kill('SIGINT')
  const { stdout, exitCode } = await running
  const job = jobIn({ stdout })
  t.match(job, { status: 'cancelled' })
  t.equal(exitCode, 1)
  t.strictSame(processesWith(job.id), [])
})

t.test('three jobs at once on one repository share nothing but the cache', async t => {
  const { github, cli } = await world(t, [{ turns: [fix, summary] }], scriptedAgent)
  const repo = await github.createRepo({ owner: 'octo', name: 'app', files })
  const results = await Promise.all(
    [1, 2, 3].map(n => cli(['run', `Say two, ${n}`, '-r', repo.cloneUrl, '--local', '--json'])),
  )
  const branches = results
    .map(result => jobIn(result))
    .map(job => (job.status === 'succeeded' ? job.branch : job.error))
  t.equal(new Set(branches).size, 3)
  t.equal((await git(repo.path, ['for-each-ref', 'refs/heads/agenticore'])).split('\n').length, 3)
  t.equal(github.pulls('octo/app').length, 3)
  t.equal(readdirSync(join(cli.home, 'agenticore-repos')).filter(name => name !== '.locks').length, 1)
})

t.test('jobs, job and logs show what was done', async t => {
  const { github, cli } = await world(t, [{ turns: [{ ...fix, thinking: 'hm' }, summary] }])
  const repo = await github.createRepo({ owner: 'octo', name: 'app', files })
  const job = jobIn(await cli(['run', 'Say two', '-r', repo.cloneUrl, '--local', '--json']))
  const list = await cli(['jobs', '--json'])
  t.match(list.stderr, 'these are the jobs of this machine')
  const { output: _, ...row } = job
  t.strictSame(JSON.parse(list.stdout), [row])
  t.equal((await cli(['jobs', '--local'])).stderr, '')
  t.match((await cli(['jobs'])).stdout, new RegExp(`^ID .*\\n${job.id.slice(-12)} +succeeded .*Say two\\n$`))
  t.strictSame(JSON.parse((await cli(['jobs', '--json', '-s', 'failed'])).stdout), [])
  t.strictSame(jobIn(await cli(['job', job.id.slice(0, 8), '--json'])), job)
  t.match((await cli(['job', job.id.slice(-4)])).stdout, `status        succeeded`)

  const plain = (await cli(['logs', job.id.slice(-12), '--follow'])).stdout
  for (const part of ['starts on', 'I fix it.', '▶ Bash sed', 'pushed agenticore/', '✔ succeeded']) t.match(plain, part)
  const events = (await cli(['logs', job.id, '--json'])).stdout
    .trim()
    .split('\n')
    .map(line => JSON.parse(line))
  t.strictSame(
    events.map(event => event.id),
    events.map((_, index) => `1-${index + 1}`),
  )
  t.strictSame(
    events.map(event => event.type).filter(type => type !== 'agent_other'),
    [
      'claimed',
      'workspace_ready',
      'agent_started',
      'thinking',
      'message',
      'tool_call',
      'tool_result',
      'message',
      'agent_result',
      'committed',
      'pushed',
      'pull_request',
      'outcome',
    ],
  )
})

t.test('logs --follow shows a running job and ends with it', async t => {
  const go = join(t.testdirName, 'go')
  const hold = bash(`until [ -e ${go} ]; do sleep 0.05; done`)
  const { github, model, cli } = await world(t, [{ turns: [hold, summary] }], scriptedAgent)
  const repo = await github.createRepo({ owner: 'octo', name: 'app', files })
  const running = cli.start(['run', 'Wait', '-r', repo.cloneUrl, '--local', '--json', '--wait'])
  await model.waitFor(request => request.turn === 0)
  const [listed] = JSON.parse((await cli(['jobs', '--json', '--local'])).stdout)
  const following = cli.start(['logs', listed.id, '-f'])
  const seen = await new Promise<string>(resolve => {
    let text = ''
    following.stdout.on('data', chunk => {
      text += chunk
      if (text.includes('Claude Code')) resolve(text)
    })
  })
  t.notMatch(seen, 'succeeded')
  writeFileSync(go, '')
  await running
  t.match((await following).stdout, 'succeeded')
})

t.test('a reader that has seen enough is no error', async t => {
  const { cli } = await world(t, [{ turns: [summary] }])
  const pipe = `${join(import.meta.dirname, '../../bin/agenticore')} help | head -1 > /dev/null; echo $\{PIPESTATUS[0]}`
  const out = execFileSync('bash', ['-c', pipe], { env: { PATH: process.env.PATH, HOME: cli.home }, encoding: 'utf8' })
  t.equal(out.trim(), '0')
})
