import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'
import t, { type Test } from 'tap'
import { branchTip } from '../fixtures/github/git.ts'
import { cliTo, startDaemon } from '../helpers/daemon.ts'
import { bash, claudeCode, jobIn, scriptedAgent, world } from '../helpers/e2e.ts'
import { fakeAgent } from '../helpers/fake-agent.ts'
import { processesWith } from '../helpers/processes.ts'
import { until } from '../helpers/until.ts'

const healthy = join(import.meta.dirname, '../../scripts/image/healthy.ts')
const files = { 'a.txt': 'a\n' }

/** A world whose agent writes a file, then is in a tool call that ends when there is a file `go`. */
async function holding(t: Test, env: Readonly<Record<string, string>> = scriptedAgent) {
  const [started, go] = [join(t.testdirName, 'home/started'), join(t.testdirName, 'home/go')]
  const hold = bash(`echo one > one.txt; touch ${started}; until [ -e ${go} ]; do sleep 0.05; done; echo on`)
  const all = await world(t, [{ turns: [hold, bash('echo two > two.txt'), { text: 'Both.' }] }], env)
  const repo = await all.github.createRepo({ owner: 'o', name: 'r', files })
  return {
    ...all,
    repo,
    started: () => until(() => existsSync(started) || undefined),
    go: () => writeFileSync(go, ''),
  }
}

t.test('a job goes from a laptop over the server to a pull request', async t => {
  const { cli, github } = await world(t, [{ turns: [bash('echo b > a.txt'), { text: 'Done.' }] }])
  const repo = await github.createRepo({ owner: 'o', name: 'r', files })
  const laptop = cliTo(await startDaemon(t, cli), cli)
  const result = await laptop(['run', 'Make it b', '-r', repo.cloneUrl, '--wait', '--json'])
  t.equal(result.exitCode, 0, result.stderr)
  const job = jobIn(result)
  t.match(job, { status: 'succeeded', mode: 'sync', changed_files: 1, output: 'Done.' })
  t.equal(await branchTip(repo.path, job.branch), job.head_sha)
  t.equal(github.pulls('o/r').length, 1)
  t.match(result.stderr, /attempt 1 starts[\s\S]*pull request/)
  const listed = JSON.parse((await laptop(['jobs', '--json'])).stdout)
  t.match(listed, [{ id: job.id, status: 'succeeded' }])
  t.notOk('output' in listed[0])
  t.match((await laptop(['logs', job.id])).stdout, 'pull request')
  t.match((await laptop(['status'])).stdout, /running here +0/)
  t.match(JSON.parse((await laptop(['pods', '--json'])).stdout), [{ capacity: 3, running: 0, draining: false }])
})

t.test('the server is restarted in the middle of `run --wait`', async t => {
  const { cli, repo, started, go } = await holding(t)
  const first = await startDaemon(t, cli)
  const laptop = cliTo(first, cli)
  const run = laptop.start(['run', 'write both', '-r', repo.cloneUrl, '--wait', '--json'])
  await started()
  t.equal(await first.handOver(), 0)
  go()
  await startDaemon(t, cli, { port: Number(new URL(first.url).port) })
  const { exitCode, stdout, stderr } = await run
  t.equal(exitCode, 0, stderr)
  const job = jobIn({ stdout })
  t.match(job, { status: 'succeeded', interruptions: 1, fence: 2, resumed: true, changed_files: 2 })
  t.match(stderr, 'is there again')
  const logs = await laptop(['logs', job.id])
  t.equal(logs.exitCode, 0, logs.stderr)
  const shown = logs.stdout.trimEnd().split('\n')
  t.ok(shown.length > 8, logs.stdout)
  const seen = stderr.split('\n')
  for (const line of shown)
    t.equal(seen.filter(each => each === line).length, shown.filter(each => each === line).length)
})

t.test('kill -9 of the server: the next one ends what it left, and the job goes on', async t => {
  const { cli, github, repo, started } = await holding(t, claudeCode)
  const first = await startDaemon(t, cli)
  const { json } = await first.request('POST', '/jobs', { body: { task: 'write both', repo_url: repo.cloneUrl } })
  await started()
  await first.kill()
  t.ok(processesWith(json.job.id).length > 0, 'the agent goes on alone')
  const second = await startDaemon(t, cli)
  const job = await until(async () => {
    const { json: now } = await second.request('GET', `/jobs/${json.job.id}`)
    return now.job.ended_at === undefined ? undefined : now.job
  })
  t.match(job, { status: 'succeeded', interruptions: 1, attempt: 1, fence: 2, changed_files: 2 })
  t.equal(github.pulls('o/r').length, 1)
  t.strictSame(processesWith(json.job.id), [])
})

t.test('first SIGTERM: no job is started, those that run end, requests are answered; then it leaves', async t => {
  const { cli, repo, started, go } = await holding(t)
  const daemon = await startDaemon(t, cli, { env: { AGENTICORE_MAX_PARALLEL_JOBS: '1' } })
  const { json } = await daemon.request('POST', '/jobs', { body: { task: 'write both', repo_url: repo.cloneUrl } })
  await started()
  daemon.signal('SIGTERM')
  await until(async () => ((await daemon.request('GET', '/ready')).status === 503 ? true : undefined))
  const late = await daemon.request('POST', '/jobs', { body: { task: 'later' } })
  t.match(late, { status: 200, json: { job: { status: 'queued' } } })
  t.match((await daemon.request('GET', '/status')).json, { status: 'draining', queued: 1, running: 1, running_here: 1 })
  go()
  t.equal(await daemon.ended, 0)
  t.match(jobIn(await cli(['job', json.job.id, '--json', '--local'])), { status: 'succeeded', interruptions: 0 })
  t.match(jobIn(await cli(['job', late.json.job.id, '--json', '--local'])), { status: 'queued', fence: 0 })
})

t.test('third SIGTERM: it leaves at once, and the next server ends what it has left', async t => {
  const cli = fakeAgent(t, 'ignores-sigterm')
  const daemon = await startDaemon(t, cli)
  const { json } = await daemon.request('POST', '/jobs', { body: { task: 'x' } })
  const { id } = json.job
  await until(async () => (await daemon.request('GET', `/jobs/${id}`)).json.job.session_id)
  daemon.signal('SIGTERM')
  await until(() => daemon.log.some(line => line.includes('"state":"waiting"')) || undefined)
  daemon.signal('SIGTERM')
  await until(() => daemon.log.some(line => line.includes('"state":"handing_over"')) || undefined)
  daemon.signal('SIGTERM')
  t.equal(await daemon.ended, 130)
  const left = processesWith(id)
  t.ok(left.length > 0, 'what ignores SIGTERM is still there')
  const next = await startDaemon(t, cli)
  await until(async () => (await next.request('GET', `/jobs/${id}`)).json.job.interruptions === 1 || undefined)
  t.equal((await next.request('DELETE', `/jobs/${id}`)).status, 200)
  await until(() => !processesWith(id).some(each => left.includes(each)) || undefined)
})

t.test('SIGTERM while it starts: it closes what it has opened, and ends with 0', async t => {
  const silent = createServer()
  silent.listen(0, '127.0.0.1')
  await once(silent, 'listening')
  const { port } = Object(silent.address())
  t.teardown(() => silent.close())
  const cli = fakeAgent(t, 'talks')
  const daemon = await startDaemon(t, cli, { env: { REDIS_URL: `redis://127.0.0.1:${port}` } })
  t.equal((await daemon.request('GET', '/ready')).status, 503, 'it waits for Redis')
  t.equal(await daemon.stop(), 0)
})

t.test('drain hands over what does not end in time, and leaves the server up', async t => {
  const { cli, repo, started } = await holding(t)
  const daemon = await startDaemon(t, cli)
  const { json } = await daemon.request('POST', '/jobs', { body: { task: 'write both', repo_url: repo.cloneUrl } })
  await started()
  const drained = await cli(['drain', '--now', '--timeout', '60'])
  t.equal(drained.exitCode, 0)
  t.match(drained.stderr, /handing over 1 job\n(.*\n)*drained\n$/)
  t.match((await daemon.request('GET', `/jobs/${json.job.id}`)).json.job, { status: 'queued', interruptions: 1 })
  t.strictSame(processesWith(json.job.id), [])
  t.match((await daemon.request('GET', '/pods')).json.pods, [{ draining: true, running: 0 }])
})

t.test('a drain may have all the time there is', async t => {
  const cli = fakeAgent(t, 'talks')
  const daemon = await startDaemon(t, cli)
  const { exitCode, stderr } = await cli(['drain', '--timeout', '9000000000'])
  t.match({ exitCode, stderr }, { exitCode: 0, stderr: /drained\n$/ })
  t.match((await daemon.request('GET', '/pods')).json.pods, [{ draining: true }])
})

t.test('drain without a server does not hold a termination up', async t => {
  const { exitCode, stderr } = await fakeAgent(t, 'talks')(['drain', '--timeout', '5'])
  t.equal(exitCode, 0)
  t.match(stderr, /Not drained: nobody listens at .*control\.sock/)
})

t.test('no more jobs run at once than allowed, the rest waits, and beyond the limit is refused', async t => {
  const cli = fakeAgent(t, 'hangs-at-start')
  const env = { AGENTICORE_MAX_PARALLEL_JOBS: '2', AGENTICORE_QUEUE_LIMIT: '3' }
  const daemon = await startDaemon(t, cli, { env })
  const submit = () => daemon.request('POST', '/jobs', { body: { task: 'x' } })
  for (let n = 0; n < 2; n++) await submit()
  await until(async () => ((await daemon.request('GET', '/status')).json.running_here === 2 ? true : undefined))
  for (let n = 0; n < 3; n++) t.equal((await submit()).status, 200)
  const refused = await submit()
  t.match(refused, {
    status: 429,
    json: { success: false, code: 'queue_full', error: '3 jobs wait, and no more than 3 may.' },
  })
  t.equal(refused.headers.get('retry-after'), '5')
  t.match((await daemon.request('GET', '/status')).json, { queued: 3, running: 2, running_here: 2 })
  const waiting = (await daemon.request('GET', '/jobs?status=queued')).json.jobs
  t.strictSame(
    waiting.map((job: { queue_position: number }) => job.queue_position),
    [3, 2, 1],
  )
  const cancelled = await cliTo(daemon, cli)(['cancel', ...waiting.map((job: { id: string }) => job.id)])
  t.equal(cancelled.exitCode, 0, cancelled.stderr)
  t.equal((await daemon.request('GET', '/status')).json.queued, 0)
})

t.test('with too little disk no job is started, and /status says so', async t => {
  const cli = fakeAgent(t, 'talks')
  const daemon = await startDaemon(t, cli, { env: { AGENTICORE_MIN_FREE_DISK: '900TiB' } })
  const { json } = await daemon.request('POST', '/jobs', { body: { task: 'x' } })
  const reason = await until(async () => {
    const { status, reason } = (await daemon.request('GET', '/status')).json
    return status === 'not_claiming' && !reason.includes('agentihooks') ? reason : undefined
  })
  t.match(reason, /GiB are free in .*worktrees, and AGENTICORE_MIN_FREE_DISK is 921600\.0 GiB/)
  t.match((await daemon.request('GET', `/jobs/${json.job.id}`)).json.job, { status: 'queued', fence: 0 })
  t.equal((await daemon.request('GET', '/ready')).status, 200, 'what is submitted here is kept')
})

t.test('wait holds the reply until the job ends; a failed job is no failed request', async t => {
  const daemon = await startDaemon(t, fakeAgent(t, 'talks'))
  const { status, json } = await daemon.request('POST', '/jobs', { body: { task: 'x', wait: true } })
  t.equal(status, 200)
  t.match(json, { success: true, job: { mode: 'sync', status: /succeeded|failed/ } })
})

t.test('events resume by Last-Event-ID, and end with the job', async t => {
  const daemon = await startDaemon(t, fakeAgent(t, 'talks'))
  const { json } = await daemon.request('POST', '/jobs', { body: { task: 'x', wait: true } })
  const path = `/jobs/${json.job.id}/events`
  const all = (await daemon.request('GET', path)).text
  const ids = [...all.matchAll(/^id: (.+)$/gm)].map(([, id]) => id)
  t.ok(ids.length > 3 && ids.at(-1) === 'end', ids.join())
  t.match(all, /event: end\ndata: \{"id":"[^"]+",.*"status":"(succeeded|failed)"/)
  const rest = (await daemon.request('GET', path, { headers: { 'last-event-id': ids[1] ?? '' } })).text
  t.strictSame(
    [...rest.matchAll(/^id: (.+)$/gm)].map(([, id]) => id),
    ids.slice(2),
  )
  t.equal((await daemon.request('GET', path, { headers: { 'last-event-id': 'end' } })).status, 204)
  const wrong = await daemon.request('GET', path, { headers: { 'last-event-id': 'nonsense' } })
  t.match(wrong, { status: 400, json: { code: 'invalid_request' } })
  const lines = await daemon.request('GET', path, { headers: { accept: 'application/x-ndjson' } })
  t.strictSame(
    lines.text
      .trimEnd()
      .split('\n')
      .map(line => JSON.parse(line).id),
    ids.slice(0, -1),
  )
})

t.test('every change of every job comes over one stream', async t => {
  const daemon = await startDaemon(t, fakeAgent(t, 'talks'))
  const over = new AbortController()
  const { body } = await fetch(`${daemon.url}/jobs/events`, { signal: over.signal })
  const { json } = await daemon.request('POST', '/jobs', { body: { task: 'x' } })
  const seen: string[] = []
  for await (const chunk of body ?? []) {
    for (const [, data = ''] of Buffer.from(chunk)
      .toString()
      .matchAll(/^data: (.+)$/gm)) {
      const job = JSON.parse(data)
      if (job.id === json.job.id && seen.at(-1) !== job.status) seen.push(job.status)
    }
    if (seen.at(-1) !== 'queued' && seen.at(-1) !== 'running' && seen.length > 0) break
  }
  over.abort()
  t.ok(['succeeded', 'failed'].includes(seen.at(-1) ?? ''), seen.join())
})

t.test('the health check of the image asks wherever the server listens, and a server that drains is well', async t => {
  const cli = fakeAgent(t, 'talks')
  // As short as the image's: a long one would take a way that the check does without.
  const place = mkdtempSync(join(tmpdir(), 'agenticore-health-'))
  t.teardown(() => rmSync(place, { recursive: true, force: true }))
  const socket = join(place, 'the.sock')
  const asked = async (): Promise<number | undefined> =>
    (await execa(process.execPath, [healthy], { env: { AGENTICORE_CONTROL_SOCKET: socket }, reject: false })).exitCode
  t.equal(await asked(), 1, 'nobody is there')
  const daemon = await startDaemon(t, cli, { env: { AGENTICORE_CONTROL_SOCKET: socket } })
  await until(async () => ((await asked()) === 0 ? true : undefined))
  await cli(['drain'], { env: { AGENTICORE_CONTROL_SOCKET: socket } })
  t.equal((await daemon.request('GET', '/ready')).status, 503)
  t.equal(await asked(), 0)
  await daemon.stop()
  t.equal(await asked(), 1, 'nobody is there any more')
})

t.test('a second server on the same socket, or on the same port, is refused', async t => {
  const cli = fakeAgent(t, 'talks')
  const daemon = await startDaemon(t, cli)
  const second = await cli(['serve', '--port', '0'])
  t.equal(second.exitCode, 1)
  t.match(second.stderr, /Another agenticore serve has the control socket .*\[already_serving\]/)
  const port = new URL(daemon.url).port
  const third = await cli(['serve', '--port', port], {
    env: { AGENTICORE_CONTROL_SOCKET: join(cli.home, 'other.sock') },
  })
  t.equal(third.exitCode, 1)
  t.match(third.stderr, /127\.0\.0\.1:\d+ is not to be had.*\[cannot_listen\]/)
})

t.test('without a server: `run` names both ways out, `jobs` shows those of this machine', async t => {
  const cli = fakeAgent(t, 'talks')
  const run = await cli(['run', 'x'])
  t.equal(run.exitCode, 3)
  t.match(run.stderr, 'No agenticore server answers at http://127.0.0.1:1: connection refused. [server_unreachable]')
  t.match(run.stderr, /agenticore serve.*AGENTICORE_URL.*--local/)
  const status = await cli(['status', '--json'])
  t.match(status, { exitCode: 3, stdout: '', stderr: /\[server_unreachable\]/ })
  t.match(JSON.parse((await cli(['status', '--local', '--json'])).stdout), { queued: 0, running: 0 })
  const jobs = await cli(['jobs'])
  t.equal(jobs.exitCode, 0)
  t.match(jobs.stderr, 'No server answers at http://127.0.0.1:1: these are the jobs of this machine')
})

t.test('with keys: a wrong one is said with the server it was for', async t => {
  const cli = fakeAgent(t, 'talks')
  const daemon = await startDaemon(t, cli, { env: { AGENTICORE_API_KEYS: 'one-key-of-many,right-key-of-many' } })
  const laptop = cliTo(daemon, cli)
  const without = await laptop(['jobs'])
  t.equal(without.exitCode, 5)
  t.match(without.stderr, `Error: ${daemon.url} says: The request has no API key. [not_authorised]`)
  const wrong = await laptop(['jobs'], { env: { AGENTICORE_API_KEY: 'wrong' } })
  t.match(wrong.stderr, 'The API key is wrong.')
  t.equal((await laptop(['jobs'], { env: { AGENTICORE_API_KEY: 'right-key-of-many' } })).exitCode, 0)
  t.equal(
    (await laptop(['jobs'], { env: { AGENTICORE_API_KEYS: 'one-key-of-many' } })).exitCode,
    0,
    'the first of them',
  )
  t.equal((await daemon.request('GET', '/health')).status, 200)
  t.notMatch(daemon.log.join('\n'), /key-of-many/)
})

t.test('Ctrl-C lets a job of the server go on; once more cancels it', async t => {
  const cli = fakeAgent(t, 'goes-silent')
  const daemon = await startDaemon(t, cli)
  const laptop = cliTo(daemon, cli)
  for (const [times, exitCode, status] of [
    [1, 130, 'running'],
    [2, 130, 'cancelled'],
  ] as const) {
    const run = laptop.start(['run', 'x', '--wait'])
    const said: string[] = []
    run.stderr.setEncoding('utf8').on('data', chunk => said.push(chunk))
    await until(() => (/starts with/.test(said.join('')) ? true : undefined))
    run.kill('SIGINT')
    await until(() => (/goes on without you/.test(said.join('')) ? true : undefined))
    if (times === 2) run.kill('SIGINT')
    t.equal((await run).exitCode, exitCode)
    const [job] = (await daemon.request('GET', '/jobs?limit=1')).json.jobs
    await until(async () =>
      (await daemon.request('GET', `/jobs/${job.id}`)).json.job.status === status ? true : undefined,
    )
    t.pass(status)
  }
})
