import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import t, { type Test } from 'tap'
import { SleeplessClock } from '../../test/helpers/clock.ts'
import { eventToWire } from '../api/wire.ts'
import { urlOf } from './address.ts'
import { followJob } from './follow.ts'
import { HttpClient } from './http.ts'
import { RemoteAgenticore } from './remote.ts'

type Answer = (request: IncomingMessage, reply: ServerResponse) => void

/** A server that answers each request by the next of these; the last one stays. */
async function serving(t: Test, ...answers: Answer[]) {
  const requests: IncomingMessage[] = []
  const server = createServer((request, reply) => {
    const answer = answers[Math.min(requests.length, answers.length - 1)]
    requests.push(request)
    answer?.(request, reply)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (typeof address !== 'object' || address === null) throw new Error('it does not listen')
  const { port } = address
  const clock = new SleeplessClock()
  const http = new HttpClient({ address: { url: urlOf('0.0.0.0', port), apiKey: 'k' }, clock, random: () => 0 })
  t.teardown(() => {
    http.close()
    server.closeAllConnections()
    server.close()
  })
  return { http, requests, clock, url: `http://127.0.0.1:${port}` }
}

const cut: Answer = ({ socket }) => void socket.destroy()
const json =
  (status: number, body: unknown, headers = {}): Answer =>
  (_, reply) =>
    void reply.writeHead(status, headers).end(JSON.stringify(body))
const message = (id: string): string =>
  `id: ${id}\ndata: ${eventToWire({ id, at: '2026-11-23T12:00:00Z', type: 'nothing_changed' })}\n\n`
const end = 'id: end\nevent: end\ndata: {}\n\n'

t.test('a wildcard address means this machine', async t => {
  t.equal(urlOf('0.0.0.0', 1), 'http://127.0.0.1:1')
  t.equal(urlOf('::', 1), 'http://[::1]:1')
  t.equal(urlOf('[fe80::1]', 1), 'http://[fe80::1]:1')
  t.equal(urlOf('build.example', 8200), 'http://build.example:8200')
})

t.test('what is safe to send again is sent again; what is not is not', async t => {
  const safe = await serving(t, cut, cut, json(200, { ok: true }))
  t.strictSame(await safe.http.json({ method: 'GET', path: '/x', repeatable: true }), { ok: true })
  t.equal(safe.requests.length, 3)
  t.equal(safe.requests[0]?.headers['x-api-key'], 'k')
  const once = await serving(t, cut, json(200, {}))
  await t.rejects(once.http.json({ method: 'POST', path: '/x', repeatable: false }), {
    code: 'server_unreachable',
    message: `No agenticore server answers at ${once.url}: socket hang up.`,
  })
  t.equal(once.requests.length, 1)
  // As a proxy says it that has passed the request on and heard nothing.
  const behind = await serving(t, json(503, 'upstream connect error'), json(200, {}))
  await t.rejects(behind.http.json({ method: 'POST', path: '/x', repeatable: false }), { code: 'server_failed' })
  t.equal(behind.requests.length, 1)
})

t.test('a server that asks for time gets it', async t => {
  const { http, clock, requests } = await serving(
    t,
    json(503, { success: false, error: 'Not now.', code: 'not_ready' }, { 'retry-after': '2' }),
    json(200, { ok: true }),
  )
  t.strictSame(await http.json({ method: 'POST', path: '/x', repeatable: true }), { ok: true })
  t.strictSame([clock.sleeps, requests.length], [[2000], 2])
})

/** Says how long its answer is, and stops in the middle. */
const half: Answer = ({ socket }, reply) => {
  reply.writeHead(200, { 'content-length': 100 }).write('{"success":', () => socket.destroy())
}

t.test('an answer that breaks off, or that a proxy did not get, is asked for again', async t => {
  for (const answer of [half, json(502, 'x'), json(503, 'x'), json(504, 'x')]) {
    const { http, requests } = await serving(t, answer, answer, json(200, { ok: true }))
    t.strictSame(await http.json({ method: 'POST', path: '/x', repeatable: true }), { ok: true })
    t.equal(requests.length, 3)
  }
})

t.test('where nothing is known of what was asked, that is said, and what to do', async t => {
  const ask = { method: 'POST', path: '/x', repeatable: true, ifUnanswered: 'Use the key k.' } as const
  const unavailable = { success: false, error: 'Redis is away.', code: 'store_unavailable' }
  for (const answer of [half, cut, json(503, 'x'), json(503, unavailable)]) {
    const { http, requests, url } = await serving(t, answer)
    await t.rejects(http.json(ask), { code: 'unanswered', message: `${url} may have done`, remedy: 'Use the key k.' })
    t.equal(requests.length, 5)
  }
  const notReady = { success: false, error: 'It starts.', code: 'not_ready' }
  const idle = await serving(t, json(503, notReady))
  await t.rejects(idle.http.json(ask), { code: 'not_ready' })
  const nobody = new HttpClient({
    address: { url: 'http://127.0.0.1:1', apiKey: '' },
    clock: new SleeplessClock(),
    random: () => 0,
  })
  t.teardown(() => nobody.close())
  await t.rejects(nobody.json(ask), { code: 'server_unreachable' })
})

t.test('what submits a job is sent again under the same key', async t => {
  const { http, requests } = await serving(
    t,
    cut,
    json(404, { success: false, error: 'No job.', code: 'job_not_found' }),
  )
  await t.rejects(new RemoteAgenticore(http).retry('abcd'), { code: 'job_not_found' })
  const [first, second] = requests.map(({ headers }) => headers['idempotency-key'])
  t.match(first, /^retry-[\da-f-]{36}$/)
  t.equal(first, second)
})

t.test('a full queue is said at once', async t => {
  const { http, requests } = await serving(t, json(429, { success: false, error: 'Full.', code: 'queue_full' }))
  await t.rejects(http.json({ method: 'POST', path: '/jobs', repeatable: true }), { code: 'queue_full' })
  t.equal(requests.length, 1)
})

t.test('every failure names the server', async t => {
  const refusing = await serving(
    t,
    json(404, { success: false, error: 'No job.', code: 'job_not_found', remedy: 'Look.' }),
  )
  await t.rejects(refusing.http.json({ method: 'GET', path: '/x', repeatable: true }), {
    code: 'job_not_found',
    message: `${refusing.url} says: No job.`,
    remedy: 'Look.',
  })
  const other = await serving(t, (_, reply) => void reply.writeHead(502).end('<html>Bad gateway'))
  await t.rejects(other.http.json({ method: 'GET', path: '/x', repeatable: true }), {
    code: 'server_failed',
    message: `${other.url} answered 502: <html>Bad gateway`,
  })
  const strange = await serving(t, (_, reply) => void reply.end('hello'))
  await t.rejects(strange.http.json({ method: 'GET', path: '/x', repeatable: true }), { code: 'server_failed' })
})

t.test('a stream that breaks goes on after the last event that came, over any number of connections', async t => {
  const part = (...ids: string[]): Answer => {
    return ({ socket }, reply) => {
      reply.write(ids.map(message).join(''), () => socket.destroy())
    }
  }
  const cutShort: Answer = ({ socket }, reply) => {
    reply.write(message('1-4').slice(0, -5), () => socket.destroy())
  }
  const { http, requests } = await serving(t, part('1-1', '1-2'), cut, part('1-3'), cutShort, (_, reply) => {
    reply.end(message('1-4') + end)
  })
  const troubles: (string | undefined)[] = []
  const seen: string[] = []
  const options = { signal: new AbortController().signal, trouble: (what?: string) => void troubles.push(what) }
  for await (const { id } of followJob(http, 'ab/c', options)) seen.push(id)
  t.strictSame(seen, ['1-1', '1-2', '1-3', '1-4'])
  t.equal(requests[0]?.url, '/jobs/ab%2Fc/events')
  const after = requests.map(({ headers }) => headers['last-event-id'])
  t.equal(after[0], undefined)
  t.strictSame([...new Set(after.slice(1))], ['1-2', '1-3'])
  t.equal(troubles.filter(what => what === undefined).length, troubles.length / 2, 'each trouble is over')
})

t.test('what will not pass ends the following', async t => {
  const { http } = await serving(t, json(404, { success: false, error: 'No job.', code: 'job_not_found' }))
  const read = async (): Promise<void> => {
    for await (const _ of followJob(http, 'x', { signal: new AbortController().signal }));
  }
  await t.rejects(read(), { code: 'job_not_found' })
})

t.test('who has read the end is told so', async t => {
  const { http } = await serving(t, (_, reply) => void reply.writeHead(204).end())
  for await (const _ of followJob(http, 'x', { signal: new AbortController().signal, after: '1-9' })) t.fail('nothing')
  t.pass('it ends')
})

/** The head of an answer and its beginning, and then nothing. */
const stalls: Answer = (_, reply) => void reply.writeHead(200).write('{"success":')

t.test('an answer that breaks off is said with the server it came from, whoever reads it', async t => {
  const half: Answer = (_, reply) => {
    reply.writeHead(200).write('{"id":"1-1"')
    setImmediate(() => reply.destroy())
  }
  const { http, url } = await serving(t, half)
  const server = new RemoteAgenticore(http)
  const broke = { code: 'server_unreachable', message: `${url} broke off in the middle of its answer: aborted.` }
  await t.rejects(server.status(), broke)
  await t.rejects(server.events('x').next(), broke)
})

t.test('a server that falls silent in the middle of an answer is not waited for', async t => {
  const { http, url, clock } = await serving(t, stalls)
  const reading = http.json({ method: 'GET', path: '/status', repeatable: true })
  await clock.slept()
  clock.advance(45_000)
  await t.rejects(reading, {
    code: 'server_unreachable',
    message: `${url} broke off in the middle of its answer: nothing was heard for 45 s.`,
  })
})

t.test('a stream that never comes again is waited for ten minutes', async t => {
  const first: Answer = (_, reply) => {
    reply.writeHead(200, { 'content-type': 'text/event-stream' }).write(message('1-1'))
    setImmediate(() => reply.destroy())
  }
  const { http, url, clock } = await serving(t, first, cut)
  const startMs = clock.monotonicMs()
  const troubles: (string | undefined)[] = []
  const reading = async () => {
    const options = { signal: new AbortController().signal, trouble: (what?: string) => void troubles.push(what) }
    for await (const event of followJob(http, 'x', options)) t.equal(event.id, '1-1')
  }
  await t.rejects(reading(), { code: 'server_unreachable', message: url })
  const waitedMs = clock.monotonicMs() - startMs
  t.ok(waitedMs > 600_000 && waitedMs < 610_000, `${waitedMs} ms`)
  t.equal(troubles.length, 1, 'which is said once')
})
