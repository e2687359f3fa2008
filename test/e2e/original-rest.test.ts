import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { droppedFields } from '../../src/api/requests.ts'
import { startDaemon } from '../helpers/daemon.ts'
import { bash, scriptedAgent, world } from '../helpers/e2e.ts'
import { fakeAgent } from '../helpers/fake-agent.ts'

/** What the Python agenticore answers was recorded from its version 1.9.0. */

const missing = '00000000-0000-7000-8000-000000000000'

/** The fields of its job that stay, and of what type; those with `?` it leaves out where there is nothing to say. */
const originalJob = {
  id: 'string',
  repo_url: 'string',
  base_ref: 'string',
  task: 'string',
  profile: 'string',
  status: 'string',
  mode: 'string',
  exit_code: 'number?',
  session_id: 'string?',
  pr_url: 'string?',
  output: 'string?',
  error: 'string?',
  created_at: 'string',
  started_at: 'string?',
  ended_at: 'string?',
  ttl_seconds: 'number',
  pid: 'number?',
  pod_name: 'string',
  worktree_path: 'string',
  job_config_dir: 'string',
  branch: 'string',
} as const

function misfits(job: object, except: readonly string[] = []): string[] {
  return Object.entries(originalJob).flatMap(([field, type]) => {
    const value: unknown = Reflect.get(job, field)
    const isLeftOut = value === undefined && type.endsWith('?')
    return isLeftOut || except.includes(field) || typeof value === type.replace('?', '') ? [] : [`${field} is ${value}`]
  })
}

t.test('requests that stay are answered in the same shape', async t => {
  const { cli, github } = await world(t, [{ turns: [bash('echo b > a.txt'), { text: 'Done.' }] }], scriptedAgent)
  const repo = await github.createRepo({ owner: 'o', name: 'r', files: { 'a.txt': 'a\n' } })
  const daemon = await startDaemon(t, cli)

  const health = await daemon.request('GET', '/health')
  t.strictSame([health.status, health.json], [200, { status: 'ok', service: 'agenticore' }])

  const empty = await daemon.request('GET', '/jobs?limit=20&status=')
  t.strictSame([empty.status, empty.json], [200, { success: true, count: 0, jobs: [] }])

  const body = { task: 'Make it b', repo_url: repo.cloneUrl, base_ref: 'main', profile: '', session_id: '' }
  const dropped = { file_path: '', create_repo: false, private: true, worktree_id: '' }
  const done = await daemon.request('POST', '/jobs', { body: { ...body, ...dropped, wait: true } })
  t.equal(done.status, 200)
  t.strictSame(Object.keys(done.json), ['success', 'job', 'warnings'])
  t.equal(done.json.warnings.length, 4, 'one for each field that is not used')
  const { job } = done.json
  t.strictSame(misfits(job), [])
  t.match(job, {
    task: 'Make it b',
    repo_url: repo.cloneUrl,
    base_ref: 'main',
    profile: 'coding',
    status: 'succeeded',
    mode: 'sync',
    exit_code: 0,
    output: 'Done.',
    ttl_seconds: 86_400,
    pr_url: `${github.url}/o/r/pull/1`,
  })
  for (const at of [job.created_at, job.started_at, job.ended_at]) t.ok(Date.parse(at) > 0, at)

  const queued = await daemon.request('POST', '/jobs', { body: { task: 'say hi' } })
  t.match(queued, { status: 200, json: { success: true, job: { status: 'queued', mode: 'fire_and_forget' } } })
  t.notOk('pid' in queued.json.job || 'started_at' in queued.json.job)

  const shown = await daemon.request('GET', `/jobs/${job.id}`)
  t.strictSame(shown.json, { success: true, job })
  const listed = await daemon.request('GET', '/jobs?limit=1')
  t.match(listed, { status: 200, json: { success: true, count: 1, jobs: [{ id: queued.json.job.id }] } })
  t.strictSame(misfits(listed.json.jobs[0], ['output']), [])
  const ended = await daemon.request('DELETE', `/jobs/${job.id}`)
  t.strictSame([ended.status, ended.json], [200, { success: true, job }], 'what has ended stays as it is')
  for (const method of ['GET', 'DELETE']) {
    const unknown = await daemon.request(method, `/jobs/${missing}`)
    t.match(unknown, {
      status: 404,
      json: { success: false, error: `There is no job "${missing}".`, code: 'job_not_found' },
    })
  }

  const profiles = await daemon.request('GET', '/profiles')
  t.match(profiles, { status: 200, json: { success: true, count: 2 } })
  for (const profile of profiles.json.profiles) {
    const { name, description, model, max_turns, worktree, auto_pr, permission_mode } = profile
    t.match(
      { name, description, permission_mode, worktree, auto_pr },
      {
        name: /^(coding|review)$/,
        description: /\w/,
        permission_mode: /\w/,
        worktree: true,
        auto_pr: name === 'coding',
      },
    )
    t.strictSame([model, max_turns], [null, null], 'what Claude Code takes by itself')
  }
})

t.test('a running job is cancelled, and stays so', async t => {
  const daemon = await startDaemon(t, fakeAgent(t, 'goes-silent'))
  const { json } = await daemon.request('POST', '/jobs', { body: { task: 'x', wait: false } })
  const over = daemon.request('GET', `/jobs/${json.job.id}/events`)
  const cancelled = await daemon.request('DELETE', `/jobs/${json.job.id}`)
  t.match(cancelled, { status: 200, json: { success: true } })
  await over
  const { job } = (await daemon.request('GET', `/jobs/${json.job.id}`)).json
  t.equal(job.status, 'cancelled')
  t.ok(job.cancel_requested_at)
})

t.test('a job that fails is no request that failed', async t => {
  const daemon = await startDaemon(t, fakeAgent(t, 'gives-no-result'))
  const failed = await daemon.request('POST', '/jobs', { body: { task: 'x', wait: true } })
  t.match(failed, { status: 200, json: { success: true, job: { status: 'failed', error_code: 'agent_no_result' } } })
})

/** Where the original answered something else: its status, ours, and why. */
const better = [
  ['POST', '/jobs', {}, 200, 400, 'an agent without a task'],
  ['POST', '/jobs', { task: '' }, 200, 400, 'an agent without a task'],
  ['POST', '/jobs', { task: 5 }, 200, 400, 'it failed later, in Python’s words'],
  ['POST', '/jobs', [], 500, 400, 'no object'],
  ['POST', '/jobs', { task: 'x', profile: 'nope' }, 200, 404, 'another profile was taken without a word'],
  ['POST', '/jobs', { task: 'x', repo_url: 'nope' }, 200, 400, 'it failed later, in git’s words'],
  ['POST', '/jobs', { task: 'x', unknown: 1 }, 200, 400, 'it was ignored'],
  ['GET', '/jobs?status=zzz', undefined, 200, 400, 'no such state: an empty list hid it'],
  ['GET', '/jobs?limit=abc', undefined, 500, 400, 'no number'],
  ['GET', '/jobs?limit=-1', undefined, 200, 400, 'all but the last'],
  ['PUT', '/jobs', {}, 405, 405, ''],
  ['GET', '/nope', undefined, 404, 404, ''],
] as const

/** What is there no more. */
const removed = [
  ['POST', '/plans'],
  ['GET', '/plans'],
  ['GET', '/plans/1'],
  ['POST', '/plans/1/execute'],
  ['POST', '/worktrees'],
  ['GET', '/worktrees'],
  ['GET', '/worktrees/1'],
  ['DELETE', '/worktrees/1'],
  ['POST', '/admin/sync?target=all'],
  ['POST', '/completions'],
  ['GET', '/completions'],
  ['GET', '/completions/1'],
  ['POST', '/v1/chat/completions'],
  ['GET', '/v1/models'],
  ['POST', '/api/messages'],
] as const

t.test('better codes where the original’s were wrong, and a way out where it is left', async t => {
  const daemon = await startDaemon(t, fakeAgent(t, 'talks'))
  for (const [method, path, body, was, status, why] of better) {
    const answer = await daemon.request(method, path, body === undefined ? {} : { body })
    const { success, error, code } = answer.json
    t.match({ success, error, code }, { success: false, error: /\w/, code: /^[a-z_]+$/ }, `${method} ${path}`)
    t.equal(answer.status, status, `${method} ${path} ${JSON.stringify(body)} was ${was}: ${why}`)
  }
  for (const body of ['', '{"task":', 'nonsense']) {
    const answer = await fetch(`${daemon.url}/jobs`, { method: 'POST', body })
    t.equal(answer.status, 400, `${body} was 500`)
  }
  t.strictSame((await daemon.request('GET', '/jobs?limit=0')).json, { success: true, count: 0, jobs: [] })
  for (const [method, path] of removed) {
    const { status, json } = await daemon.request(method, path, method === 'POST' ? { body: {} } : {})
    t.match(
      { status, ...json },
      { status: 404, success: false, code: 'endpoint_removed', error: /docs\/migration\.md/ },
    )
  }
})

t.test('more jobs than may run wait, instead of being rejected', async t => {
  const daemon = await startDaemon(t, fakeAgent(t, 'hangs-at-start'), { env: { AGENTICORE_MAX_PARALLEL_JOBS: '1' } })
  for (let n = 0; n < 4; n++) {
    const { status, json } = await daemon.request('POST', '/jobs', { body: { task: 'x' } })
    t.match({ status, ...json }, { status: 200, success: true, job: { status: 'queued' } })
  }
})

t.test('keys open by header, and no more by address', async t => {
  const daemon = await startDaemon(t, fakeAgent(t, 'talks'), { env: { AGENTICORE_API_KEYS: 'a,b' } })
  for (const headers of [{ 'x-api-key': 'a' }, { authorization: 'Bearer b' }]) {
    t.equal((await daemon.request('GET', '/jobs', { headers })).status, 200)
  }
  t.match(await daemon.request('GET', '/jobs?api_key=a'), {
    status: 401,
    json: { error: /not taken from the address/ },
  })
  t.equal((await daemon.request('GET', '/health')).status, 200)
})

t.test('the page for those who come from there names all that is left', t => {
  const page = readFileSync(join(import.meta.dirname, '../../docs/migration.md'), 'utf8')
  for (const [, path] of removed) t.match(page, new RegExp(`\`/${path.split(/[/?]/)[1]}\\b`), path)
  for (const field of Object.keys(droppedFields)) t.match(page, `\`${field}\``)
  t.end()
})

t.test('commands that are left, or misspelt, say what to do', async t => {
  const cli = fakeAgent(t, 'talks')
  for (const name of [
    'plan',
    'plans',
    'execute-plan',
    'hooks',
    'init',
    'uninstall',
    'update',
    'agents',
    'agent',
    'push',
  ]) {
    const { exitCode, stderr, stdout } = await cli([name, 'x', '--wait'])
    t.match(
      { exitCode, stdout, stderr },
      { exitCode: 2, stdout: '', stderr: /is of the Python agenticore.*docs\/migration\.md/ },
    )
  }
  const { exitCode, stderr } = await cli(['jbos'])
  t.match({ exitCode, stderr }, { exitCode: 2, stderr: 'Error: There is no command "jbos", did you mean "jobs"?' })
})
