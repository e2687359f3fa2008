import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { endOf, FleetUnderTest, submitTo } from '../helpers/fleet.ts'
import { freePort, startRedis } from '../helpers/redis.ts'
import { until } from '../helpers/until.ts'

const password = 'p@ss:word/1'
const written = encodeURIComponent(password)

/** A Redis behind TLS, and a user there that may do what agenticore needs and nothing else. */
async function guarded(t: Test, args: readonly string[] = ['--save', '', '--appendonly', 'yes']) {
  t.teardown(() => undefined)
  const root = t.testdir({ redis: {} })
  // Of localhost, signed by itself, and good for nothing else; made by openssl once, which a bare machine lacks.
  const [key = '', certificate = ''] = ['key.pem', 'cert.pem'].map(name =>
    join(import.meta.dirname, '../fixtures/tls', name),
  )
  const tlsPort = await freePort()
  const files = ['--tls-cert-file', certificate, '--tls-key-file', key, '--tls-ca-cert-file', certificate]
  const tls = ['--tls-port', String(tlsPort), '--tls-auth-clients', 'no', ...files]
  const redis = await startRedis({ directory: join(root, 'redis'), args: [...args, ...tls] })
  t.teardown(() => redis.stop())
  const rights = ['~agenticore:*', '&agenticore:*', '+@all', '-@admin', '-@dangerous', '+info']
  await redis.client.call('ACL', 'SETUSER', 'agent', 'on', `>${password}`, ...rights)
  const url = `rediss://agent:${written}@localhost:${tlsPort}`
  const world = new FleetUnderTest(t, root, redis, { agent: 'obeys', env: { REDIS_URL: url } })
  return { world, certificate, url, redis }
}

t.test('a job goes through over TLS, as a user that may do no more than it has to', async t => {
  const { world, certificate, redis } = await guarded(t)
  const pod = await world.pod('pod-a', { env: { NODE_EXTRA_CA_CERTS: certificate } })
  t.match(await endOf(pod, await submitTo(pod, 'nothing')), { status: 'succeeded', pod_name: 'pod-a' })
  t.match((await pod.request('GET', '/status')).json, { status: 'ok', store: /^Redis at rediss:\/\/localhost:\d+, / })
  const clients = String(await redis.client.client('LIST'))
  t.match(clients, /name=agenticore-work-\S+ .*user=agent/)
  const { stdout } = await pod.inside(['doctor', '--json'])
  t.match(
    JSON.parse(stdout).filter(({ check }: { check: string }) => check === 'Redis'),
    [{ status: 'ok' }],
  )
  const everything = [...pod.log, stdout, JSON.stringify((await pod.request('GET', '/status')).json)].join('\n')
  for (const secret of [password, written]) t.notOk(everything.includes(secret), 'the password is nowhere')
})

t.test('who cannot get in says why, goes on trying, and takes jobs as soon as it can', async t => {
  const { world, certificate, redis } = await guarded(t)
  await redis.client.call('ACL', 'SETUSER', 'agent', 'off')
  const machine = world.machine('pod-a', { NODE_EXTRA_CA_CERTS: certificate })
  const starting = world.pod('pod-a', { env: { NODE_EXTRA_CA_CERTS: certificate } })
  const found = JSON.parse((await machine(['doctor', '--json'])).stdout)
  t.match(
    found.filter(({ check }: { check: string }) => check === 'Redis'),
    [{ status: 'error', message: /WRONGPASS|not connected/ }],
  )
  await redis.client.call('ACL', 'SETUSER', 'agent', 'on')
  const pod = await starting
  t.match(pod.log.join('\n'), /Redis at rediss:\/\/localhost:\d+ does not answer: WRONGPASS/)
  t.match(await endOf(pod, await submitTo(pod, 'nothing')), { status: 'succeeded' })
})

t.test('doctor and /ready name what is unsafe about a Redis', async t => {
  const { world, certificate } = await guarded(t, ['--save', '', '--maxmemory-policy', 'allkeys-lru'])
  const pod = await world.pod('pod-a', { env: { NODE_EXTRA_CA_CERTS: certificate } })
  const { stdout, exitCode } = await pod.inside(['doctor', '--json'])
  t.equal(exitCode, 0, 'warnings are no errors')
  const found = JSON.parse(stdout).filter(({ check }: { check: string }) => check === 'Redis')
  t.match(found, [
    { status: 'warning', message: /maxmemory-policy is allkeys-lru/, remedy: /noeviction/ },
    { status: 'warning', message: /appendonly is off/ },
  ])
  const ready = await until(async () => {
    const reply = await pod.request('GET', '/ready')
    return reply.json.warnings ? reply : undefined
  })
  t.equal(ready.status, 200)
  t.match(ready.json.warnings, [/maxmemory-policy is allkeys-lru/, /appendonly is off/])
  t.match(pod.log.join('\n'), /maxmemory-policy is allkeys-lru/)
})

t.test('a REDIS_URL that is none is refused at once, without its password', async t => {
  t.teardown(() => undefined)
  const root = t.testdir({ redis: {} })
  mkdirSync(join(root, 'none'))
  const redis = await startRedis({ directory: join(root, 'redis') })
  t.teardown(() => redis.stop())
  const world = new FleetUnderTest(t, root, redis, {})
  for (const [url, why] of [
    ['redis://:canary@host/words', 'REDIS_URL names a database that is no number'],
    ['redis://:100%canary@host', 'REDIS_URL has a % in user or password'],
  ] as const) {
    const { exitCode, stderr } = await world.machine('pod-a', { REDIS_URL: url })(['serve', '--port', '0'])
    t.not(exitCode, 0)
    t.match(stderr, why)
    t.match(stderr, 'invalid_setting')
    t.notMatch(stderr, 'canary')
  }
})
