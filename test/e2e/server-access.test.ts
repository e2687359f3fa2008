import type { OutgoingHttpHeaders } from 'node:http'
import { networkInterfaces } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'
import t, { type Test } from 'tap'
import { cliFor } from '../helpers/cli.ts'
import { startDaemon } from '../helpers/daemon.ts'
import { bytesTo, type Http, httpTo, placeOf } from '../helpers/http.ts'

const keys = ['canary-key-0123456789-one', 'canary-key-0123456789-two'] as const
const [one, two] = keys
const wrong = 'canary-guess-9876543210'

type Door = readonly [method: string, path: string]
const open: readonly Door[] = [
  ['GET', '/health'],
  ['GET', '/ready'],
]
const streams = /events$/

/** Every route the server describes, and addresses that are none. */
async function closedDoors(http: Http, headers: OutgoingHttpHeaders = {}): Promise<Door[]> {
  const { body } = await http('GET', '/openapi.json', { headers })
  const described = Object.entries<object>(JSON.parse(body).paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method): Door => [method.toUpperCase(), path.replace('{id}', '01a2ffff')]),
  )
  t.ok(described.length >= 14, 'what is described')
  return [
    ...described.filter(([, path]) => !open.some(([, each]) => each === path)),
    ['GET', '/openapi.json'],
    ['HEAD', '/jobs/events'],
    ['PATCH', '/jobs'],
    ['OPTIONS', '/jobs'],
    ['TRACE', '/jobs'],
    ['GET', '/nothing'],
    ['GET', '/health/'],
    ['GET', '//health'],
    ['GET', '/health/..%2fjobs'],
    ['POST', '/plans/x'],
    ['GET', '/v1/agents'],
    ['GET', '/jobs/%ff'],
    ['GET', `/jobs/${'a'.repeat(300)}`],
  ]
}

interface Sender {
  readonly what: string
  readonly headers?: OutgoingHttpHeaders
  /** Behind the path. */
  readonly query?: string
}

/** Nobody of these is let in, and everybody of them is told why. */
async function areRefused(t: Test, http: Http, doors: readonly Door[], senders: readonly Sender[], status: 401 | 403) {
  for (const { what, headers = {}, query = '' } of senders) {
    for (const [method, path] of doors) {
      const reply = await http(method, `${path}${query}`, { headers })
      const name = `${what}: ${method} ${path.slice(0, 40)}`
      if (reply.status !== status) t.equal(reply.status, status, name)
      if (method === 'HEAD') continue
      const { success, code, error } = JSON.parse(reply.body)
      const expected = [false, status === 401 ? 'not_authorised' : 'forbidden']
      if (success !== expected[0] || code !== expected[1]) t.same([success, code], expected, name)
      if (status === 401 && reply.headers['www-authenticate'] !== 'Bearer realm="agenticore"')
        t.fail(`${name}: no realm`)
      if ([...keys, wrong].some(key => error.includes(key))) t.fail(`${name}: the reply repeats a key`)
    }
    t.pass(`${what}: ${doors.length} doors are shut`)
    await areLetIn(t, http, open, [{ what: `${what}, open to all`, headers, query }])
  }
}

async function areLetIn(t: Test, http: Http, doors: readonly Door[], senders: readonly Sender[]): Promise<void> {
  for (const { what, headers = {}, query = '' } of senders) {
    // They would not end.
    for (const [method, path] of doors.filter(([method, path]) => method === 'HEAD' || !streams.test(path))) {
      const { status } = await http(method, `${path}${query}`, { headers })
      const isIn = status < 500 && ![401, 403].includes(status)
      if (!isIn) t.fail(`${what}: ${method} ${path}: ${status}`)
    }
    t.pass(`${what}: ${doors.length} doors are open`)
  }
}

const named = (name: string, values: readonly string[]): Sender[] =>
  values.map(value => ({ what: `${name}: ${value}`, headers: { [name]: value } }))

/** Headers that say that somebody else speaks. */
const strange: readonly Sender[] = [
  ...named('Host', [
    'evil.example',
    'localhost.evil.example:8200',
    '127.0.0.1.evil.example',
    'agenticore:8200',
    '192.0.2.1',
    '0.0.0.0',
    '[::]',
    '[::ffff:192.0.2.1]',
    '[::1',
    'localhost:8200:8200',
  ]),
  ...named('Origin', [
    'https://evil.example',
    'http://localhost.evil.example',
    'http://192.0.2.1:8200',
    'null',
    'file://',
  ]),
  ...named('Sec-Fetch-Site', ['cross-site']),
  ...named('Forwarded', ['for=127.0.0.1;host=localhost', '']),
  ...named('X-Forwarded-For', ['127.0.0.1', '::1']),
  ...named('X-Forwarded-Host', ['localhost']),
  ...named('X-Forwarded-Proto', ['https']),
  ...named('X-Real-IP', ['127.0.0.1']),
  ...named('X-Client-IP', ['127.0.0.1']),
  ...named('Via', ['1.1 proxy']),
  ...['CF-Connecting-IP', 'True-Client-IP', 'X-Cluster-Client-IP', 'Fastly-Client-IP', 'X-Azure-ClientIP'].flatMap(
    name => named(name, ['127.0.0.1']),
  ),
  ...['X-Original-Forwarded-For', 'X-Envoy-External-Address', 'X-ProxyUser-Ip'].flatMap(name =>
    named(name, ['127.0.0.1']),
  ),
]

/** Headers that change nothing. */
const homely: readonly Sender[] = [
  { what: 'no header' },
  ...named('Host', ['localhost', 'localhost:1', '127.0.0.1', '127.9.9.9', '[::1]:8200', '[::ffff:127.0.0.1]']),
  ...named('Origin', ['http://localhost:3000', 'http://127.0.0.1', 'http://[::1]:8200']),
  ...named('Sec-Fetch-Site', ['same-origin', 'none']),
  ...named('X-API-Key', [wrong]),
]

async function jobCount(http: Http, headers: OutgoingHttpHeaders = {}): Promise<unknown> {
  return JSON.parse((await http('GET', '/jobs', { headers })).body).count
}

t.test('without keys this machine is served, and nobody who speaks for somebody else', async t => {
  const daemon = await startDaemon(t, cliFor(t.testdir()), { env: { AGENTICORE_LOG_LEVEL: 'debug' } })
  const http = httpTo(t, daemon.url)
  const doors = await closedDoors(http)
  await areLetIn(t, http, doors, homely)
  await areRefused(t, http, doors, strange, 403)
  for (const host of [
    '',
    'Host:\r\n',
    'Host: localhost@evil.example\r\n',
    'Host: localhost/.evil.example\r\n',
    'Host: localhost\\.evil.example\r\n',
  ]) {
    t.match(await bytesTo(daemon.url, `GET /jobs HTTP/1.0\r\n${host}\r\n`), /^HTTP\/1.1 403 /, host)
  }
  t.equal(await jobCount(http), 0)
  await daemon.stop()
  t.match(daemon.log.join('\n'), 'AGENTICORE_API_KEYS opens the door')
  t.notMatch(daemon.log.join('\n'), wrong)
})

/** Ways to send a key that are none. */
const keyless: readonly Sender[] = [
  { what: 'no key' },
  ...named('X-API-Key', [
    wrong,
    '',
    ' ',
    one.slice(0, -1),
    `${one}x`,
    one.toUpperCase(),
    `${one},${two}`,
    `${one}, ${one}`,
    `"${one}"`,
  ]),
  ...named('Authorization', [
    `Bearer ${wrong}`,
    'Bearer',
    'Bearer ',
    one,
    `Basic ${Buffer.from(`x:${one}`).toString('base64')}`,
    `Bearer ${one} ${two}`,
    `Token ${one}`,
    `Bearer=${one}`,
  ]),
  ...named('Cookie', [`x-api-key=${one}`, `api_key=${one}`]),
  ...['api_key', 'key', 'token', 'access_token', 'x-api-key', 'X-API-Key'].map(name => ({
    what: `?${name}=`,
    query: `?${name}=${one}`,
  })),
]

const keyHolders: readonly Sender[] = [
  ...named('X-API-Key', keys),
  ...named('Authorization', [`Bearer ${one}`, `bearer ${two}`, `BEARER   ${one}`]),
  { what: 'the right one of two', headers: { 'X-API-Key': wrong, Authorization: `Bearer ${one}` } },
  ...strange.map(({ what, headers }) => ({ what: `${what}, with a key`, headers: { ...headers, 'X-API-Key': one } })),
]

t.test('with keys whoever has one is served, wherever from, and the log has none', async t => {
  const env = { AGENTICORE_API_KEYS: keys.join(','), AGENTICORE_LOG_LEVEL: 'trace' }
  const daemon = await startDaemon(t, cliFor(t.testdir()), { env })
  const http = httpTo(t, daemon.url)
  const doors = await closedDoors(http, { 'X-API-Key': two })
  await areRefused(t, http, doors, keyless, 401)
  await areRefused(t, http, doors, strange, 401)
  await areLetIn(t, http, doors, keyHolders)
  const hint = await http('GET', `/jobs?api_key=${one}`)
  t.match(hint.json(), { error: /not taken from the address.*X-API-Key/ })
  t.equal((await http('GET', `/${one}/${wrong}?key=${one}`)).status, 401)
  t.equal(await jobCount(http, { 'X-API-Key': one }), 0)
  await daemon.stop()
  for (const secret of keys) t.notMatch(daemon.log.join('\n'), secret)
  t.notMatch(daemon.log.join('\n'), 'api_key')
})

const hasIpv6 = Object.values(networkInterfaces()).some(list => list?.some(({ address }) => address === '::1'))
const addresses = Object.values(networkInterfaces()).flatMap(list =>
  (list ?? []).filter(({ internal, address }) => !internal && !address.startsWith('fe80:')),
)
const urlOf = (host: string, port: number): string => `http://${host.includes(':') ? `[${host}]` : host}:${port}`

t.test('a peer is the machine itself by the address it comes from', { skip: !hasIpv6 && 'no IPv6' }, async t => {
  const daemon = await startDaemon(t, cliFor(t.testdir()), { env: { AGENTICORE_HOST: '::' } })
  const { port } = placeOf(daemon.url)
  const doors = await closedDoors(httpTo(t, urlOf('::1', port)))
  // A socket of both families sees the first as ::ffff:127.0.0.1.
  for (const host of ['127.0.0.1', '::1']) {
    await areLetIn(t, httpTo(t, urlOf(host, port)), doors, [{ what: host }])
  }
  for (const { address } of addresses) {
    const http = httpTo(t, urlOf(address, port))
    const senders = [{ what: address }, ...homely.map(each => ({ ...each, what: `${address}, ${each.what}` }))]
    await areRefused(t, http, doors, senders, 403)
  }
  await daemon.stop()
})

/** A machine of its own on a wire to this one. */
async function otherMachine(t: Test) {
  const name = `agenticore-${process.pid}`
  const [near, far] = [`agc${process.pid}a`, `agc${process.pid}b`]
  const ip = async (...args: string[]) => await execa('ip', args)
  t.teardown(async () => await execa('ip', ['netns', 'delete', name], { reject: false }))
  await ip('netns', 'add', name)
  await ip('link', 'add', near, 'type', 'veth', 'peer', 'name', far, 'netns', name)
  await ip('address', 'add', '10.231.77.1/30', 'dev', near)
  await ip('link', 'set', near, 'up')
  await ip('-n', name, 'address', 'add', '10.231.77.2/30', 'dev', far)
  await ip('-n', name, 'link', 'set', far, 'up')
  const script = join(import.meta.dirname, '../fixtures/http/from-elsewhere.ts')
  const statuses = async (port: number, doors: readonly Door[], headers: OutgoingHttpHeaders): Promise<number[]> => {
    const input = JSON.stringify({ url: urlOf('10.231.77.1', port), doors, headers })
    const { stdout } = await execa('ip', ['netns', 'exec', name, process.execPath, script], { input })
    return JSON.parse(stdout)
  }
  return statuses
}

async function whyNoNamespace(): Promise<string | false> {
  const name = `agenticore-probe-${process.pid}`
  const made = await execa('ip', ['netns', 'add', name], { reject: false })
  if (made.exitCode !== 0) return `no network namespace may be made here: ${made.stderr ?? made.message}`
  await execa('ip', ['netns', 'delete', name])
  return false
}

t.test('another machine is served with a key alone', { skip: await whyNoNamespace() }, async t => {
  const statuses = await otherMachine(t)
  const home = t.testdir({ closed: {}, keys: {} })
  const closed = await startDaemon(t, cliFor(join(home, 'closed')), { env: { AGENTICORE_HOST: '0.0.0.0' } })
  const doors = await closedDoors(httpTo(t, closed.url))
  const every = (status: number) => doors.map(() => status)
  for (const headers of [
    {},
    { Host: 'localhost' },
    { Host: 'localhost', Origin: 'http://localhost' },
    { Host: 'localhost', 'X-Forwarded-For': '127.0.0.1', 'X-API-Key': one },
    { Host: '127.0.0.1', 'X-Real-IP': '127.0.0.1', 'X-API-Key': one },
  ]) {
    t.strictSame(await statuses(placeOf(closed.url).port, doors, headers), every(403), JSON.stringify(headers))
  }
  t.strictSame(await statuses(placeOf(closed.url).port, open, {}), [200, 200])
  const keyed = await startDaemon(t, cliFor(join(home, 'keys')), {
    env: { AGENTICORE_HOST: '0.0.0.0', AGENTICORE_API_KEYS: keys.join(',') },
  })
  const { port } = placeOf(keyed.url)
  t.strictSame(await statuses(port, doors, {}), every(401))
  t.strictSame(await statuses(port, doors, { 'X-API-Key': wrong }), every(401))
  t.strictSame(await statuses(port, open, {}), [200, 200])
  const forged = {
    Host: 'localhost',
    Origin: 'http://localhost',
    'X-Forwarded-For': '127.0.0.1',
    Forwarded: 'for=127.0.0.1',
  }
  t.strictSame(await statuses(port, doors, forged), every(401), 'whatever else it says')
  t.strictSame(await statuses(port, doors, { ...forged, 'X-API-Key': wrong }), every(401))
  // They would not end.
  const ending = doors.filter(([method, path]) => method === 'HEAD' || !streams.test(path))
  const right = [{ 'X-API-Key': one }, { Authorization: `Bearer ${two}` }]
  for (const headers of [...right, ...right.map(key => ({ ...forged, Origin: 'https://evil.example', ...key }))]) {
    const found = await statuses(port, ending, headers)
    const shut = ending.filter((_, at) => [401, 403].includes(found[at] ?? 0) || (found[at] ?? 500) >= 500)
    t.strictSame(shut, [], JSON.stringify(headers))
    for (const [door, status] of [
      ['/jobs', 200],
      ['/status', 200],
      ['/openapi.json', 200],
      ['/nothing', 404],
    ] as const) {
      t.equal(found[ending.findIndex(([method, path]) => method === 'GET' && path === door)], status, door)
    }
  }
  await Promise.all([closed.stop(), keyed.stop()])
})
