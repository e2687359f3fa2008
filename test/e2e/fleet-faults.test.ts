import { join } from 'node:path'
import t, { type Test } from 'tap'
import { branchTip } from '../fixtures/github/git.ts'
import { startGitHub } from '../fixtures/github/server.ts'
import { endOf, fleet, jobOf, submitTo } from '../helpers/fleet.ts'
import { isAlive } from '../helpers/processes.ts'
import { proxyTo } from '../helpers/proxy.ts'
import { until } from '../helpers/until.ts'

const token = 'ghp_canary0123456789abcdefghijklmnop'

/** A fleet whose jobs work on a repository. */
async function delivering(t: Test) {
  const world = await fleet(t, { agent: 'obeys' })
  const github = await startGitHub({ root: join(world.shared, '../github'), token, readOnlyToken: `${token}-reads` })
  t.teardown(() => github.close())
  const repo = await github.createRepo({ owner: 'o', name: 'r', files: { 'a.txt': 'a\n' } })
  const env = { GITHUB_TOKEN: token, GITHUB_API_URL: github.url }
  return { world, github, repo, pod: (name: string) => world.pod(name, { env }) }
}

t.test('7. a late writer changes nothing: a pod that stood still finds its job done by another one', async t => {
  const { world, github, repo, pod } = await delivering(t)
  const late = await pod('pod-a')
  const gate = world.gate()
  const id = await submitTo(late, `write x.txt, then ${gate.task}`, { repo_url: repo.cloneUrl })
  await gate.begun()
  late.signal('SIGSTOP')
  const heir = await pod('pod-b')
  await gate.begun(2)
  gate.open()
  const ended = await endOf(heir, id)
  t.match(ended, { status: 'succeeded', fence: 2, pod_name: 'pod-b', interruptions: 1 })
  late.signal('SIGCONT')
  await until(async () => (await late.request('GET', '/status')).json?.running_here === 0 || undefined)
  t.strictSame(await jobOf(late, id), ended)
  t.strictSame(await jobOf(heir, id), ended)
  t.equal(await branchTip(repo.path, ended.branch), ended.head_sha)
  t.equal(github.pulls('o/r').length, 1)
  t.match(ended.pr_url, `/${github.pulls('o/r')[0]?.number}`)
})

t.test('9. one job, one branch, one pull request: a pod dies with the pull request open and nothing said', async t => {
  const { github, repo, pod } = await delivering(t)
  const dying = await pod('pod-a')
  const id = await submitTo(dying, 'write x.txt', { repo_url: repo.cloneUrl })
  await until(() => github.pulls('o/r').length || undefined)
  await dying.kill()
  const ended = await endOf(await pod('pod-b'), id)
  t.match(ended, { status: 'succeeded' })
  t.equal(await branchTip(repo.path, ended.branch), ended.head_sha)
  t.equal(github.pulls('o/r').length, 1)
})

t.test('8. a pod that cannot renew stops its own agents before the lease runs out', async t => {
  const world = await fleet(t, { agent: 'obeys' })
  const proxy = await proxyTo(t, world.redis.port)
  const cutOff = await world.pod('pod-a', { env: { REDIS_URL: `redis://127.0.0.1:${proxy.port}` } })
  const gate = world.gate()
  const id = await submitTo(cutOff, gate.task)
  await gate.begun()
  const [agent = 0] = gate.pids()
  t.ok(isAlive(agent))
  proxy.cut()
  await until(() => !isAlive(agent) || undefined)
  // Nobody else is there who could have ended it.
  const [seconds = '0'] = await world.redis.client.time()
  const lease = Number(await world.redis.client.zscore('agenticore:running', id))
  t.ok(lease > Number(seconds) * 1000, 'its lease lasts a while yet')
  t.equal((await cutOff.request('GET', '/status')).json.status, 'degraded')
  const other = await world.pod('pod-b')
  await gate.begun(2)
  proxy.mend()
  gate.open()
  t.match(await endOf(other, id), { status: 'succeeded', fence: 2, pod_name: 'pod-b' })
  await until(async () => (await cutOff.request('GET', '/status')).json.status === 'ok' || undefined)
  t.match(await jobOf(cutOff, id), { status: 'succeeded', fence: 2 })
})

t.test('8. also an agent that does not heed SIGTERM', async t => {
  const world = await fleet(t, { agent: 'obeys' })
  const proxy = await proxyTo(t, world.redis.port)
  const cutOff = await world.pod('pod-a', { env: { REDIS_URL: `redis://127.0.0.1:${proxy.port}` } })
  const gate = world.gate()
  const id = await submitTo(cutOff, `${gate.task} unmoved`)
  await gate.begun()
  const [agent = 0] = gate.pids()
  proxy.cut()
  await until(() => !isAlive(agent) || undefined)
  const [seconds = '0'] = await world.redis.client.time()
  const lease = Number(await world.redis.client.zscore('agenticore:running', id))
  t.ok(lease > Number(seconds) * 1000, 'its lease lasts a while yet')
  gate.open()
  proxy.mend()
  t.match(await endOf(cutOff, id), { status: 'succeeded' })
})

t.test('10. cancelling wins and reaches the pod that runs the job, also one that is dead', async t => {
  const world = await fleet(t, { agent: 'obeys' })
  const [one, other] = [
    await world.pod('pod-a', { env: { AGENTICORE_MAX_PARALLEL_JOBS: '2' } }),
    await world.pod('pod-b'),
  ]
  await other.request('GET', '/ready')
  const gate = world.gate()
  const ids = [await submitTo(one, gate.task), await submitTo(one, gate.task)]
  await gate.begun(2)
  const agents = gate.pids()
  const jobs = await Promise.all(ids.map(id => jobOf(one, id)))
  const [far] = jobs.map(({ pod_name: name }) => (name === 'pod-a' ? other : one))
  const { exitCode } = await (far ?? one).cli(['cancel', ids[0] ?? ''])
  t.equal(exitCode, 0)
  t.match(await endOf(one, ids[0] ?? ''), { status: 'cancelled', pod_name: jobs[0].pod_name })
  t.equal(agents.filter(isAlive).length, 1)
  const holder = jobs[1].pod_name === 'pod-a' ? one : other
  const witness = holder === one ? other : one
  await holder.kill()
  await witness.request('DELETE', `/jobs/${ids[1]}`)
  t.match(await endOf(witness, ids[1] ?? ''), { status: 'cancelled', fence: 1 })
  await until(() => !agents.some(isAlive) || undefined)
})

t.test('reads come from the journal while Redis is away, submissions get 503, running jobs go on', async t => {
  const world = await fleet(t, { agent: 'obeys', env: { AGENTICORE_LEASE_SECONDS: '60' } })
  const proxy = await proxyTo(t, world.redis.port)
  const pod = await world.pod('pod-a', { env: { REDIS_URL: `redis://127.0.0.1:${proxy.port}` } })
  const gate = world.gate()
  const done = await submitTo(pod, 'nothing')
  await endOf(pod, done)
  const id = await submitTo(pod, gate.task)
  await gate.begun()
  proxy.cut()
  const refused = await pod.request('POST', '/jobs', { body: { task: 'x' } })
  t.equal(refused.status, 503)
  t.equal(refused.json.code, 'store_unavailable')
  t.match(refused.headers.get('retry-after'), /^\d+$/)
  t.match((await pod.request('GET', '/jobs')).json, {
    jobs: [
      { id, status: 'running' },
      { id: done, status: 'succeeded' },
    ],
  })
  t.match(await jobOf(pod, done), { status: 'succeeded', output: 'done' })
  t.equal((await pod.request('GET', '/ready')).status, 200)
  t.match((await pod.request('GET', '/status')).json, { status: 'degraded', running: 1 })
  gate.open()
  await until(() => !gate.pids().some(isAlive) || undefined)
  proxy.mend()
  t.match(await endOf(pod, id), { status: 'succeeded', fence: 1 })
})
