import { readFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import t, { type Test } from 'tap'
import type * as z from 'zod'
import { manyJobs, oneJob, refusal } from '../../src/api/replies.ts'
import { cliFor } from '../helpers/cli.ts'
import { cliTo, startDaemon } from '../helpers/daemon.ts'
import { bytesTo, type Http, httpTo, placeOf, type Reply } from '../helpers/http.ts'
import { until } from '../helpers/until.ts'

const mebibyte = 1024 ** 2
/** What must not come to a terminal: control characters, and what turns the direction of text. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
const unprintable = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/

/** A server that starts no job, whose log is looked through at the end. */
async function victim(t: Test) {
  const cli = cliFor(t.testdir())
  const env = { AGENTICORE_MIN_FREE_DISK: '900TiB', AGENTICORE_LOG_LEVEL: 'debug' }
  const daemon = await startDaemon(t, cli, { env })
  const http = httpTo(t, daemon.url)
  const ids = async (): Promise<string[]> =>
    manyJobs.parse((await http('GET', '/jobs?limit=1000')).json()).jobs.map(job => job.id)
  const isUnharmed = async (): Promise<void> => {
    t.equal((await http('GET', '/status')).status, 200)
    t.equal(await daemon.stop(), 0)
    for (const line of daemon.log) {
      if (unprintable.test(line)) t.fail(`the log has ${JSON.stringify(line)}`)
      const { level, status = 0 } = JSON.parse(line)
      if (level === 'error' || level === 'fatal' || status >= 500) t.fail(line)
    }
  }
  return { daemon, cli: cliTo(daemon, cli), http, ids, isUnharmed }
}

/** The envelope of a request that was refused. */
function envelopeOf(t: Test, { status, body }: Pick<Reply, 'status' | 'body'>, what: string): z.infer<typeof refusal> {
  if (status < 400 || status >= 500) t.fail(`${what}: ${status} ${body.slice(0, 300)}`)
  const { success, data } = refusal.strict().safeParse(JSON.parse(body))
  if (!success) t.fail(`${what}: ${body.slice(0, 300)}`)
  return data ?? { success: false, error: '', code: '' }
}

const bytes = (text: string): Buffer => Buffer.from(text, 'latin1')

t.test('a body that is no submission is refused, and the next request is served', async t => {
  const { http, ids, isUnharmed } = await victim(t)
  const deep = '['.repeat(mebibyte)
  const notJson = /not valid JSON/
  const bodies: readonly (readonly [what: string, body: string | Buffer, says: RegExp, status?: number])[] = [
    ['10 MB', JSON.stringify({ task: 'x'.repeat(10 * mebibyte) }), /too large/, 413],
    ['nothing', '', /the body: expected object/],
    ['half an object', '{"task":"x"', notJson],
    ['more than an object', '{"task":"x"}}', notJson],
    ['a form', 'task=x', notJson],
    ['other quotes', "{'task':'x'}", notJson],
    ['NUL', '\0', notJson],
    ['NUL in a string', '{"task":"\0"}', notJson],
    ['NaN', '{"task":"x","timeout":NaN}', notJson],
    ['no UTF-8', bytes('{"task":"\xff\xfe"}'), /not UTF-8/],
    ['half a character', bytes('{"task":"\xe2\x82"}'), /not UTF-8/],
    ['a surrogate in UTF-8', bytes('{"task":"\xed\xa0\x80"}'), /not UTF-8/],
    ['a list', '[]', /the body: expected object, received array/],
    ['null', 'null', /the body: expected object, received null/],
    ['a number', '7', /the body: expected object, received number/],
    ['a string', '"task"', /the body: expected object, received string/],
    ['deep and broken', deep, notJson],
    ['deep', `${deep}${']'.repeat(mebibyte)}`, /the body: expected object/],
    ['deep in a field', `{"file_path":${deep}${']'.repeat(mebibyte)}}`, /^task: /],
    ['__proto__', '{"task":"x","__proto__":{"wait":true}}', notJson],
    ['__proto__, escaped', '{"task":"x","\\u005f_proto__":{"wait":true}}', notJson],
    ['constructor', '{"task":"x","constructor":{"prototype":{"wait":true}}}', notJson],
    ['a field twice, the last wrong', '{"task":"x","task":7}', /^task: expected string/],
    ['an unknown field', '{"task":"x","toString":1}', /unknown field "toString"/],
    ['a misspelt field', '{"taks":"x"}', /unknown field "taks", did you mean "task"\?/],
    ['another', '{"task":"x","timout":7}', /unknown field "timout", did you mean "timeout"\?/],
    ['an unprintable field', '{"task":"x","\\u001b[31m":1}', /unknown field "\\u001b\[31m"/],
    ['a field with a name of 4 MB', `{"${'k'.repeat(4_000_000)}":1}`, /unknown field "k{100}"/],
    [
      '300,000 fields',
      `{${Array.from({ length: 300_000 }, (_, at) => `"k${at}":1`).join()}}`,
      /^task: .*unknown field "k8"\.$/,
    ],
  ]
  for (const [what, body, says, status = 400] of bodies) {
    const began = performance.now()
    const reply = await http('POST', '/jobs', { body })
    t.equal(reply.status, status, what)
    t.match(envelopeOf(t, reply, what).error, says, what)
    t.ok(performance.now() - began < 3000, `${what}: at once`)
    if ((await http('GET', '/health')).status !== 200) t.fail(`${what}: the next one`)
  }
  const zipped = await http('POST', '/jobs', { body: bytes('\x1f\x8b\x08'), headers: { 'content-encoding': 'gzip' } })
  t.match(envelopeOf(t, zipped, 'gzip').error, /UTF-8|not valid JSON/)
  const odd = await http('POST', '/jobs', { body: '{"task":"x"}', headers: { 'content-type': ';;' } })
  t.equal(odd.status, 415)
  envelopeOf(t, odd, 'a type that is none')
  t.strictSame(await ids(), [])
  await isUnharmed()
})

const strings = ['task', 'repo_url', 'base_ref', 'profile', 'session_id', 'model', 'idempotency_key'] as const
const wholeNumbers = ['max_turns', 'timeout', 'ttl_seconds', 'queue_ttl_seconds']

t.test('a value of a wrong type is refused by the name of its field', async t => {
  const { http, ids, isUnharmed } = await victim(t)
  const wrong: readonly (readonly [field: string, values: readonly unknown[]])[] = [
    ...strings.map(field => [field, [null, true, 7, [], ['x'], {}, { toString: 'x' }]] as const),
    ...wholeNumbers.map(field => [field, [null, true, '7', '', 0, -1, 1.5, 1e10, 1e21, 2 ** 53, [], {}]] as const),
    ['max_budget_usd', [null, true, '1', 0, -0.5, 1e10, Number.MAX_VALUE, [], {}]],
    ['wait', [null, 0, 1, 'true', '', [], {}]],
    ['mode', [null, 0, true, '', 'async', 'SYNC', 'toString', [], {}]],
  ]
  for (const [field, values] of wrong) {
    for (const value of values) {
      const what = `${field}: ${JSON.stringify(value)}`
      const reply = await http('POST', '/jobs', { body: { task: 'x', [field]: value } })
      const { error, code } = envelopeOf(t, reply, what)
      if (!error.startsWith(`${field}: `) || code !== 'invalid_request') t.equal(error, `${field}: …`, what)
    }
    t.pass(`${field}: ${values.length} wrong values`)
  }
  for (const huge of ['1e999', '-1e999', '1'.repeat(400), '0.0000000000001', '-0']) {
    const reply = await http('POST', '/jobs', { body: `{"task":"x","timeout":${huge}}` })
    t.match(envelopeOf(t, reply, huge).error, /^timeout: /, huge.slice(0, 20))
  }
  t.strictSame(await ids(), [])
  await isUnharmed()
})

t.test('strange strings are refused, or come back as they were and are harmless on a terminal', async t => {
  const { http, cli, ids, isUnharmed } = await victim(t)
  const nasty = {
    NUL: 'a\0b',
    ESC: 'a\u001b]0;owned\u0007\u001b[2Jb',
    C1: 'a\u009b31mb',
    CR: 'a\rb',
    newline: 'a\nb',
    bidi: 'a\u202eb\u2066c',
    'lone surrogate': 'a\ud800b\udfff',
    quotes: `a"'\`$(id);|b`,
    'a mebibyte': 'a'.repeat(mebibyte),
  }
  const usual = { task: 'look', repo_url: 'https://github.com/o/r' }
  const accepted: string[] = []
  for (const field of strings) {
    for (const [name, text] of Object.entries(nasty)) {
      const what = `${field}: ${name}`
      const before = await ids()
      const reply = await http('POST', '/jobs', { body: { ...usual, [field]: text } })
      if (reply.status !== 200) {
        const { error } = envelopeOf(t, reply, what)
        t.ok(error.length < 2000, `${what}: the refusal is short`)
        t.strictSame(await ids(), before, `${what}: nothing was submitted`)
        continue
      }
      accepted.push(what)
      const { job } = oneJob.parse(reply.json())
      t.equal(job[field === 'session_id' ? 'task' : field], text, `${what}: unchanged`)
      t.same(oneJob.parse((await http('GET', `/jobs/${job.id}`)).json()).job[field], text, `${what}: unchanged later`)
      const shown = await cli(['job', job.id])
      t.equal(shown.exitCode, 0, shown.stderr)
      t.notMatch(shown.stdout, unprintable, `${what}: printed`)
      const { stdout } = await cli(['job', job.id, '--json'])
      t.notMatch(stdout, unprintable, `${what}: printed as JSON`)
      t.equal(JSON.parse(stdout)[field], text, `${what}: unchanged in JSON`)
    }
  }
  t.strictSame(accepted, [
    'task: ESC',
    'task: C1',
    'task: CR',
    'task: newline',
    'task: bidi',
    'task: quotes',
    'base_ref: bidi',
    'base_ref: lone surrogate',
    'base_ref: quotes',
    'model: bidi',
    'model: quotes',
    'idempotency_key: bidi',
    'idempotency_key: quotes',
  ])
  t.notMatch((await cli(['jobs'])).stdout, unprintable)
  await isUnharmed()
})

t.test('ids, queries and headers that are none', async t => {
  const { http, ids, isUnharmed } = await victim(t)
  const { job } = oneJob.parse((await http('POST', '/jobs', { body: { task: 'x' } })).json())
  const names = ['.', '%2e%2e', '..%2f..%2fetc%2fpasswd', '%00', '%1b%5b31m', '%c2%9b', '%ff', '%', '*', '%20', '%0a']
  const others = ['__proto__', 'constructor', '%F0%9F%98%80', 'ffff', 'f', '-', '----', `${job.id}%00`, `${job.id}x`]
  const long = ['f'.repeat(200), 'f'.repeat(201), 'f'.repeat(15_000)]
  for (const id of [...names, ...others, ...long]) {
    for (const [method, path] of [
      ['GET', ''],
      ['DELETE', ''],
      ['POST', '/retry'],
      ['GET', '/diff'],
      ['GET', '/events'],
    ] as const) {
      envelopeOf(t, await http(method, `/jobs/${id}${path}`), `${method} ${id.slice(0, 50)}${path}`)
    }
  }
  const queries: readonly (readonly [query: string, says: RegExp])[] = [
    ...['', '-1', '1001', '1.5', '0x10', '1e1', 'many', '%00', '9'.repeat(400), '%201', '+1', '1&limit=2'].map(
      limit => [`limit=${limit}`, /^limit: /] as const,
    ),
    ...['sleeping', 'QUEUED', 'queued,failed', 'toString', '%00', 'queued&status=failed'].map(
      status => [`status=${status}`, /^status: .*queued/] as const,
    ),
    ...['', 'x', '%00', '..%2fx', 'f'.repeat(10_000)].map(cursor => [`cursor=${cursor}`, /^cursor: /] as const),
    ['statsu=queued', /unknown field "statsu", did you mean "status"\?/],
    ['__proto__=1', /unknown field "__proto__"/],
    ['limit[]=1', /unknown field "limit\[\]"/],
    [Array.from({ length: 2000 }, (_, at) => `k${at}=`).join('&'), /unknown field "k0"/],
  ]
  for (const [query, says] of queries) {
    const what = query.slice(0, 50)
    t.match(envelopeOf(t, await http('GET', `/jobs?${query}`), what).error, says, what)
  }
  for (const event of [
    '0',
    '-1',
    '1-',
    'x-y',
    '1-1-1',
    'END',
    `${'9'.repeat(400)}-1`,
    '\u00ff',
    '../../x',
    '1-1, 1-2',
  ]) {
    const reply = await http('GET', `/jobs/${job.id}/events?follow=false`, { headers: { 'last-event-id': event } })
    t.match(envelopeOf(t, reply, event.slice(0, 50)).error, /^last-event-id: /, event.slice(0, 50))
  }
  for (const follow of ['', '2', 'perhaps', 'false&follow=true']) {
    t.match(envelopeOf(t, await http('GET', `/jobs/${job.id}/events?follow=${follow}`), follow).error, /^follow: /)
  }
  const echoed = await http('GET', '/health', { headers: { 'x-request-id': `${'\u009b'}31m` } })
  t.match(echoed.headers['x-request-id'], /^[\da-f-]{36}$/, 'an id that is not fit to be written down')
  for (const cursor of [job.id, job.id.toUpperCase()]) {
    t.match((await http('GET', `/jobs?cursor=${cursor}`)).json(), { count: 0 }, 'before the first')
  }
  t.strictSame(await ids(), [job.id])
  await isUnharmed()
})

interface Heard {
  readonly status: number
  /** Its X-Request-Id. */
  readonly id: string
  readonly body: string
}

/** Each reply in what came back over a connection. */
function repliesIn(heard: string): Heard[] {
  return [...heard.matchAll(/HTTP\/1\.1 (\d{3})[^\r]*\r\n((?:[^\r]+\r\n)*)\r\n([^\r]*?)(?=HTTP\/1\.1|$)/g)].map(
    ([, status, headers = '', body = '']) => {
      const [, id = ''] = /^x-request-id: (.*)\r$/im.exec(headers) ?? []
      return { status: Number(status), id, body }
    },
  )
}

t.test('what is no HTTP, or none for this server, is refused in its own words', async t => {
  const { daemon, http, ids, isUnharmed } = await victim(t)
  const host = 'Host: localhost\r\n'
  const request = (line: string, ...headers: string[]): string =>
    `${line} HTTP/1.1\r\n${host}${headers.map(each => `${each}\r\n`).join('')}\r\n`
  const post = (...headers: string[]): string => request('POST /jobs', 'Content-Type: application/json', ...headers)
  const close = 'Connection: close'
  const many = (length: number, header: (at: number) => string): string[] =>
    Array.from({ length }, (_, at) => header(at))
  const raw: readonly (readonly [what: string, sent: string, status: number])[] = [
    ['TLS', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', 400],
    ['HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 400],
    ['HTTP/0.9', 'GET /status\r\n\r\n', 400],
    ['HTTP/7', 'GET /status HTTP/7.3\r\nHost: localhost\r\n\r\n', 400],
    ['no method', ' /status HTTP/1.1\r\n\r\n', 400],
    ['an unknown method', request('BREW /status'), 400],
    ['a control character in the path', request('GET /\x1b[31m'), 400],
    ['a byte above ASCII in the path', request('GET /\x9b31m'), 400],
    ['a blank in the path', request('GET /sta tus'), 400],
    ['a header without a colon', request('GET /status', 'nonsense'), 400],
    ['a header with NUL', request('GET /status', 'X: \0'), 400],
    ['a header with a blank before its colon', request('GET /status', 'X : y'), 400],
    ['a folded header', request('GET /status', 'X: y\r\n z'), 400],
    ['two lengths', `${post('Content-Length: 2', 'Content-Length: 3')}{}`, 400],
    ['length and chunks', `${post('Content-Length: 2', 'Transfer-Encoding: chunked')}0\r\n\r\n`, 400],
    ['a negative length', post('Content-Length: -1'), 400],
    ['a length beyond all numbers', post(`Content-Length: ${'9'.repeat(30)}`), 400],
    ['a length beyond what is taken', post('Content-Length: 99999999'), 413],
    ['chunks that are none', `${post('Transfer-Encoding: chunked')}zz\r\n`, 400],
    ['a coding that is none', post('Transfer-Encoding: chunked, gzip'), 400],
    [
      '10 MB in chunks',
      `${post('Transfer-Encoding: chunked')}a00000\r\n${' '.repeat(10 * mebibyte)}\r\n0\r\n\r\n`,
      413,
    ],
    ['a long path', request(`GET /${'x'.repeat(20_000)}`), 431],
    ['a long header', request('GET /status', `X: ${'y'.repeat(20_000)}`), 431],
    ['a flood of headers', request('GET /status', ...many(500, at => `X-${at}: ${'y'.repeat(100)}`)), 431],
    ['a flood of empty headers', request('GET /status', ...many(5000, at => `X${at}:`)), 431],
    ['no Host', `GET /status HTTP/1.1\r\n${close}\r\n\r\n`, 400],
    ['no Host in HTTP/1.0', 'GET /status HTTP/1.0\r\n\r\n', 403],
    ['CONNECT', 'CONNECT evil.example:80 HTTP/1.1\r\nHost: evil.example\r\n\r\n', 405],
    ['TRACE', request('TRACE /status', close), 405],
    ['QUERY', request('QUERY /jobs', close), 405],
    ['PROPFIND', request('PROPFIND /jobs', close), 404],
    ['an expectation', `${post('Expect: the-unexpected', 'Content-Length: 2')}{}`, 417],
    ['*', request('OPTIONS *', close), 404],
    ['the address of another host', request('GET http://evil.example/status', close), 400],
  ]
  for (const [what, sent, status] of raw) {
    const [reply, ...more] = repliesIn(await bytesTo(daemon.url, sent))
    t.equal(reply?.status, status, what)
    t.strictSame(more, [], `${what}: one reply`)
    if (reply) envelopeOf(t, reply, what)
    const id = reply?.id ?? ''
    t.match(id, /^[\da-f-]{36}$/, `${what}: its id`)
    t.match(await until(() => daemon.log.find(line => line.includes(id))), `"status":${status}`, `${what}: in the log`)
    if ((await http('GET', '/health')).status !== 200) t.fail(`${what}: the next one`)
  }
  const head = await bytesTo(daemon.url, request('HEAD /jobs/events', close))
  t.match(head, /^HTTP\/1\.1 200 [\s\S]*\r\n\r\n$/, 'the head of a stream has no body')
  const upgrade = await bytesTo(daemon.url, request('GET /health', 'Connection: Upgrade, close', 'Upgrade: websocket'))
  t.match(upgrade, /^HTTP\/1\.1 200 /, 'what it could become does not matter')

  const row = `${request('GET /health')}${request('GET /nothing')}`.repeat(20)
  const pipelined = repliesIn(await bytesTo(daemon.url, `${row}${request('GET /health', close)}`))
  t.strictSame(
    pipelined.map(({ status }) => status),
    [...Array.from({ length: 20 }, () => [200, 404]).flat(), 200],
    'replies in the order of the requests',
  )
  const smuggled = await bytesTo(daemon.url, `${request('GET /health')}nonsense\r\n\r\n${request('DELETE /jobs/ffff')}`)
  t.strictSame(
    repliesIn(smuggled).map(({ status }) => status),
    [200],
    'nothing is read behind what is no HTTP, and the request before it has its own reply',
  )
  const submission = JSON.stringify({ task: 'x' })
  const tooLong = `${post(`Content-Length: ${submission.length}`)}${submission}${' and more'.repeat(mebibyte)}`
  const [submitted, ...others] = repliesIn(await bytesTo(daemon.url, tooLong))
  t.strictSame([submitted?.status, others], [200, []], 'bytes behind a body do not cost it its reply')
  const whole = await bytesTo(daemon.url, request('GET http://localhost/health', close))
  t.match(whole, /^HTTP\/1\.1 200 /, 'a whole address of the same host')
  const events = await stream(t, daemon.url, '/jobs/events')
  events.write('nonsense\r\n\r\n')
  t.notMatch(await text(events), 'HTTP/1.1 400', 'nor is it a part of a stream')
  t.equal((await ids()).length, 1)
  await isUnharmed()
})

/** A connection that has sent this and reads nothing. */
async function hold(t: Test, url: string, sent: string): Promise<Socket> {
  const { host, port } = placeOf(url)
  const socket = connect(port, host)
  t.teardown(() => socket.destroy())
  socket.on('error', () => undefined)
  await new Promise(resolve => socket.once('connect', resolve))
  socket.write(sent)
  return socket
}

/** The same, once the reply began. */
async function stream(t: Test, url: string, path: string): Promise<Socket> {
  const socket = await hold(t, url, `GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`)
  await new Promise(resolve => socket.once('readable', resolve))
  return socket
}

const residentMiB = (pid: number): number =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024

async function medianMs(http: Http, path: string): Promise<number> {
  const times: number[] = []
  for (let count = 0; count < 50; count++) {
    const began = performance.now()
    if ((await http('GET', path)).status !== 200) throw new Error(`${path} is not answered`)
    times.push(performance.now() - began)
  }
  return times.sort((a, b) => a - b)[25] ?? Number.NaN
}

t.test('clients that send slowly hold nobody up', async t => {
  const { daemon, http, ids, isUnharmed } = await victim(t)
  const heads = ['G', 'GET /status HTTP/1.1\r\n', 'GET /status HTTP/1.1\r\nHost: localhost\r\nX: y']
  const halves = heads.concat(
    'POST /jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 13\r\n\r\n{"task"',
    'POST /jobs HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nd\r\n{"task"',
  )
  const sockets = await Promise.all(
    Array.from({ length: 300 }, (_, at) => hold(t, daemon.url, halves[at % halves.length] ?? '')),
  )
  t.ok((await medianMs(http, '/status')) < 500)
  for (const socket of sockets) socket.write('x')
  t.ok((await medianMs(http, '/status')) < 500)
  for (const socket of sockets) socket.destroy()
  t.strictSame(await ids(), [])
  await isUnharmed()
})

t.test('a submitter who waits and hangs up is no trouble', async t => {
  const { daemon, ids, isUnharmed } = await victim(t)
  const body = JSON.stringify({ task: 'x', wait: true })
  const head = `POST /jobs HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: impatient\r\nContent-Length: ${body.length}\r\n\r\n`
  const socket = await hold(t, daemon.url, head + body)
  await until(async () => ((await ids()).length === 1 ? true : undefined))
  socket.destroy()
  t.match(await until(() => daemon.log.find(line => line.includes('impatient'))), '"level":"info"')
  await isUnharmed()
})

t.test('a client that never reads its stream costs little, and nobody else anything', async t => {
  const { daemon, http, isUnharmed } = await victim(t)
  const deaf = await Promise.all(Array.from({ length: 10 }, () => stream(t, daemon.url, '/jobs/events')))
  const before = residentMiB(daemon.pid)
  const task = 'x'.repeat(500_000)
  for (let count = 0; count < 60; count++) {
    const { status } = await http('POST', '/jobs', { body: { task } })
    if (status !== 200) t.fail(`${count}: ${status}`)
  }
  const grown = residentMiB(daemon.pid) - before
  t.ok(grown < 150, `300 MB that nobody reads: ${Math.round(grown)} MiB more`)
  t.ok((await medianMs(http, '/status')) < 500)
  for (const socket of deaf) socket.destroy()
  await isUnharmed()
})

t.test('1,000 idle streams leave the server quick, and end with it', async t => {
  const { daemon, http, isUnharmed } = await victim(t)
  const { job } = oneJob.parse((await http('POST', '/jobs', { body: { task: 'x' } })).json())
  const before = residentMiB(daemon.pid)
  const paths = ['/jobs/events', `/jobs/${job.id}/events`]
  const open = Array.from({ length: 1000 }, (_, at) => stream(t, daemon.url, paths[at % 2] ?? ''))
  const sockets = await Promise.all(open)
  // Opened ahead, as browsers do.
  for (let count = 0; count < 10; count++) await hold(t, daemon.url, '')
  let over = 0
  const heard = new Set<Socket>()
  for (const socket of sockets) {
    socket.on('data', chunk => {
      if (chunk.includes('cancelled')) heard.add(socket)
    })
    socket.on('close', () => {
      over += 1
    })
  }
  const median = await medianMs(http, '/status')
  t.ok(median < 500, `/status takes ${Math.round(median)} ms`)
  const grown = residentMiB(daemon.pid) - before
  t.ok(grown < 200, `${Math.round(grown)} MiB more`)
  t.equal((await http('DELETE', `/jobs/${job.id}`)).status, 200)
  await until(() => heard.size === 1000 || undefined)
  const began = performance.now()
  await isUnharmed()
  t.ok(performance.now() - began < 4000, 'those who read do not hold it up')
  await until(() => over === 1000 || undefined)
})
