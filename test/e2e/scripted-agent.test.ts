import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { git } from '../fixtures/github/git.ts'
import { bash, jobIn, scriptedAgent, world } from '../helpers/e2e.ts'
import { until } from '../helpers/until.ts'

/** A job that is killed in a tool call and taken up again, and one that fails: all that can be told of them afterwards. */
async function lived(t: Test, env: Readonly<Record<string, string>> = {}) {
  const [started, go] = [join(t.testdirName, 'home/started'), join(t.testdirName, 'home/go')]
  const turns = [
    { text: 'I look.', ...bash('cat a.txt; echo oh >&2; false') },
    bash(`echo one > one.txt; touch ${started}; until [ -e ${go} ]; do sleep 0.05; done`),
    bash(
      'echo two > two.txt; git add -A; git commit -qm two; echo "$GIT_AUTHOR_NAME in $(basename "$PWD")"; git remote',
    ),
    { text: 'Both.' },
    { text: 'Nothing more.' },
  ]
  const { cli, github, model } = await world(
    t,
    [
      { match: 'both', turns },
      { match: 'refused', turns: [{ status: 400 }] },
    ],
    env,
  )
  const repo = await github.createRepo({ owner: 'o', name: 'r', files: { 'a.txt': 'a\n' } })
  const run = cli.start(['run', 'write both', '-r', repo.cloneUrl, '--local', '--json'])
  await until(() => existsSync(started) || undefined)
  run.kill('SIGKILL')
  await run
  await cli(['jobs'])
  writeFileSync(go, '')
  const job = jobIn(await cli(['resume', '--json']))
  const next = jobIn(await cli(['run', 'and now?', '--session-id', job.session_id ?? '', '--local', '--json']))
  const refused = jobIn(await cli(['run', 'refused', '--local', '--json']))
  const events = (await cli(['logs', job.id, '--json', '--local'])).stdout.trim().split('\n')
  const told = [job, next, refused].map(
    ({ status, fence, attempt, resumed, output, num_turns, exit_code, changed_files, error_code, claude_version }) => {
      return {
        status,
        fence,
        attempt,
        resumed,
        output,
        num_turns,
        exit_code,
        changed_files,
        error_code,
        claude_version,
      }
    },
  )
  const called = new Set(['message', 'tool_call', 'tool_result', 'agent_started', 'agent_result', 'pushed'])
  return {
    told,
    errors: [job, next, refused].map(({ error }) => error?.replace(/: .*/s, '')),
    files: await git(repo.path, ['ls-tree', '-r', '--name-only', job.branch]),
    log: await git(repo.path, ['log', '--format=%s|%an', `${repo.commit}..${job.branch}`]),
    events: events
      .map(line => JSON.parse(line))
      .filter(({ type }) => called.has(type))
      .map(({ id, type, ok, text }) => [id.split('-')[0], type, ok, String(text).replaceAll(job.id, 'ID')]),
    asked: model.requests.filter(({ answer }) => answer === 'turn').map(({ turn }) => turn),
  }
}

t.setTimeout(300_000)

t.test('what is known of a job is the same with Claude Code and with the agent that stands in for it', async t => {
  let real: unknown
  await t.test('Claude Code', async t => {
    real = await lived(t)
  })
  await t.test('scripted', async t => {
    t.same(await lived(t, scriptedAgent), real)
  })
})
