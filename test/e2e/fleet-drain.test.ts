import { existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { endOf, fleet, jobOf, type PodUnderTest, submitTo } from '../helpers/fleet.ts'
import { isAlive } from '../helpers/processes.ts'
import { proxyTo } from '../helpers/proxy.ts'
import { until } from '../helpers/until.ts'

t.test('24. a pod that comes back under its name inherits neither lease nor drain flag', async t => {
  const world = await fleet(t, { agent: 'obeys' })
  const first = await world.pod('pod-a')
  const gate = world.gate()
  const held = await submitTo(first, gate.task)
  await gate.begun()
  rmSync(controlSocketOf(first))
  const { stderr, exitCode } = await first.inside(['drain'])
  t.equal(exitCode, 0)
  t.match(stderr, 'pod-a is told by Redis to start no more jobs')
  await until(async () => (await first.request('GET', '/status')).json.status === 'draining' || undefined)
  const waiting = await submitTo(first, 'nothing')
  await first.kill()
  const next = await world.pod('pod-a')
  t.match(await endOf(next, waiting), { status: 'succeeded', fence: 1 }, 'it claims at once')
  t.match(await jobOf(next, held), { status: 'running', fence: 1 }, 'and waits for the lease of the other one')
  const { pods } = (await next.request('GET', '/pods')).json
  t.match(pods, [{ name: 'pod-a', draining: false, running: 0 }])
  t.equal(pods.length, 1)
  await gate.begun(2)
  gate.open()
  t.match(await endOf(next, held), { status: 'succeeded', fence: 2, interruptions: 1, attempt: 1 })
})

const controlSocketOf = ({ home }: PodUnderTest): string => join(home, '.agenticore/control.sock')

t.test('19. a pod that drains starts nothing from the first moment on, and is not in the floor', async t => {
  const world = await fleet(t, { agent: 'obeys' })
  const env = (index: string) => ({ AGENTICORE_POD_INDEX: index })
  const draining = await world.pod('pod-3', { env: env('3') })
  const gate = world.gate()
  const held = await submitTo(draining, gate.task)
  await gate.begun()
  const { client } = world.redis
  t.equal(await client.scard('agenticore:scale:floor'), 4)
  const drain = draining.inside.start(['drain', '--timeout', '120'])
  await until(async () => (await draining.request('GET', '/ready')).status === 503 || undefined)
  await until(async () => (await client.scard('agenticore:scale:floor')) === 0 || undefined)
  const ids = await Promise.all(['a', 'b', 'c'].map(task => submitTo(draining, task)))
  const other = await world.pod('pod-0', { env: env('0') })
  for (const id of ids) t.match(await endOf(other, id), { status: 'succeeded', pod_name: 'pod-0' })
  const lease = await client.zscore('agenticore:running', held)
  await until(async () => Number(await client.zscore('agenticore:running', held)) > Number(lease) || undefined)
  t.pass('21. leases are renewed throughout')
  gate.open()
  const { exitCode, stderr } = await drain
  t.equal(exitCode, 0)
  t.match(stderr, 'drained')
  t.match(await jobOf(other, held), { status: 'succeeded', fence: 1, pod_name: 'pod-3' })
})

t.test('21. drain returns in time whatever happens, also without Redis', async t => {
  const world = await fleet(t, { agent: 'obeys' })
  const proxy = await proxyTo(t, world.redis.port)
  const pod = await world.pod('pod-a', { env: { REDIS_URL: `redis://127.0.0.1:${proxy.port}` } })
  const gate = world.gate()
  const id = await submitTo(pod, gate.task)
  await gate.begun()
  proxy.cut()
  const startMs = performance.now()
  const { exitCode, stderr } = await pod.inside(['drain', '--now', '--timeout', '6'])
  t.equal(exitCode, 0)
  t.ok(performance.now() - startMs < 6000)
  t.match(stderr, 'out of time')
  t.notOk(gate.pids().some(isAlive), 'nobody works on it any more')
  const heir = await world.pod('pod-b')
  await gate.begun(2)
  gate.open()
  t.match(await endOf(heir, id), { status: 'succeeded', fence: 2 })
  // It is still trying to tell Redis.
  t.equal(await pod.stop(), 0)
})

t.test('21. drain returns in time when server and Redis both stand still', async t => {
  const world = await fleet(t, { agent: 'obeys' })
  const pod = await world.pod('pod-a')
  pod.signal('SIGSTOP')
  world.redis.signal('SIGSTOP')
  const startMs = performance.now()
  const { exitCode, stderr } = await pod.inside(['drain', '--timeout', '6'])
  const tookMs = performance.now() - startMs
  for (const stopped of [world.redis, pod]) stopped.signal('SIGCONT')
  t.equal(exitCode, 0)
  t.ok(tookMs < 6000, `${tookMs}`)
  t.match(stderr, 'Not drained: no word from the server')
  t.match(stderr, 'Redis is not told')
})

t.test('a server that says nothing is told by Redis long before the time is over', async t => {
  const world = await fleet(t, { agent: 'obeys' })
  const pod = await world.pod('pod-a')
  pod.signal('SIGSTOP')
  const drain = pod.inside.start(['drain', '--timeout', '60'])
  const { client } = world.redis
  await until(async () => (await client.exists('agenticore:pod:pod-a:draining')) || undefined)
  pod.signal('SIGCONT')
  const { exitCode, stderr } = await drain
  t.equal(exitCode, 0)
  t.match(stderr, 'pod-a is told by Redis to start no more jobs')
  t.match(stderr, /^drained$/m, 'and it is still listened to')
})

t.test('what a drained pod does not finish runs at once elsewhere, from the head of the queue', async t => {
  const world = await fleet(t, { agent: 'obeys', env: { AGENTICORE_MAX_PARALLEL_JOBS: '1' } })
  const pod = await world.pod('pod-a')
  const gate = world.gate()
  const id = await submitTo(pod, `${gate.task} first`)
  await gate.begun()
  const later = await submitTo(pod, gate.task)
  t.match((await pod.inside(['drain', '--now'])).stderr, 'drained')
  t.strictSame(await world.redis.client.lrange('agenticore:queue', 0, -1), [id, later])
  t.match(await jobOf(pod, id), { status: 'queued', interruptions: 1, attempt: 0 })
  const heir = await world.pod('pod-b')
  await gate.begun(2)
  t.match(await jobOf(heir, id), { status: 'running', fence: 2, pod_name: 'pod-b', resumed: false })
  gate.open()
  t.match(await endOf(heir, id), { status: 'succeeded' })
  t.match(await endOf(heir, later), { status: 'succeeded' })
  t.notOk(existsSync(join(pod.home, '.agenticore/worktrees', id)), 'nothing is left on the first machine')
  t.match(readFileSync(join(world.shared, 'job-state', `${id}.d/1/events.ndjson`), 'utf8'), '"released"')
})
