import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { pino } from 'pino'
import t, { type Test } from 'tap'
import { ManualClock } from '../../../test/helpers/clock.ts'
import { bytesTo, httpTo } from '../../../test/helpers/http.ts'
import { newJob } from '../../../test/helpers/jobs.ts'
import { until } from '../../../test/helpers/until.ts'
import { oneJob } from '../../api/replies.ts'
import { JobService } from '../../jobs/service.ts'
import { FileJobStore } from '../../store/file/store.ts'
import { FileEventLog } from '../../store/journal/events.ts'
import { FileJournal } from '../../store/journal/journal.ts'
import { redactor } from '../../util/redact.ts'
import { buildServer } from './server.ts'

/** A server on this machine, without a worker. */
async function serving(t: Test, defaults = { profile: 'coding', ttlSeconds: 60 }) {
  if (!existsSync(t.testdirName)) t.testdir()
  const root = join(t.testdirName, 'jobs')
  mkdirSync(root, { recursive: true })
  const clock = new ManualClock()
  const closing = new AbortController()
  const log: { msg: string; reqId?: string; level?: number; path?: string; status?: number }[] = []
  const logger = pino({ level: 'debug' }, { write: line => void log.push(JSON.parse(line)) })
  const warn = (message: string): void => void t.fail(message)
  const store = await FileJobStore.open(root, { journal: await FileJournal.open(root), clock, warn })
  const events = new FileEventLog(root, { clock, redact: redactor([]) })
  const service = new JobService({
    store,
    events,
    clock,
    checkRepository: () => undefined,
    checkProfile: async () => undefined,
    defaults,
    queueLimit: 100,
  })
  const unused = async (): Promise<never> => Promise.reject(new Error('not asked for here'))
  const server = await buildServer(
    {
      service,
      clock,
      version: '0.0.0',
      apiKeys: [],
      onlyOwnUser: false,
      closing: closing.signal,
      whyNotReady: async () => undefined,
      warnings: () => [],
      status: unused,
      pods: unused,
      profiles: unused,
      patchOf: unused,
      metrics: { contentType: 'text/plain', text: async () => '' },
    },
    logger,
  )
  const url = await server.listen({ host: '127.0.0.1', port: 0 })
  t.teardown(async () => {
    closing.abort()
    await server.close()
    await store.close()
  })
  const job = await store.submit(newJob(clock.now()))
  return { server, url, http: httpTo(t, url), clock, closing, log, store, job }
}

/** One message, as it came, with what it says of itself. */
const asks = (path: string, ...headers: string[]): string =>
  [`GET ${path} HTTP/1.1`, 'Host: localhost', ...headers, '', ''].join('\r\n')

t.test('a server that closes refuses a request as it refuses any other, and a stranger as ever', async t => {
  const { http, closing, log } = await serving(t)
  closing.abort()
  const refused = await http('GET', '/jobs', { headers: { 'x-request-id': 'late' } })
  t.equal(refused.status, 503)
  t.match(refused.headers, { 'x-request-id': 'late', 'retry-after': '5' })
  t.match(refused.json(), { success: false, error: 'The server closes.', code: 'not_ready' })
  await until(() => log.some(line => line.reqId === 'late' && line.status === 503) || undefined)
  t.notOk(log.some(line => line.msg === 'request failed'))
  t.equal((await http('GET', '/nowhere')).status, 503)
  t.equal((await http('GET', '/jobs', { headers: { 'x-forwarded-for': '8.8.8.8' } })).status, 403)
})

t.test('a submitter who waits is not told of an end that has not come', async t => {
  const { http, closing, store } = await serving(t)
  const waiting = http('POST', '/jobs', { body: { task: 'x', wait: true } })
  await until(async () => (await store.list({ limit: 9 })).length === 2 || undefined)
  closing.abort()
  const refused = await waiting
  t.equal(refused.status, 503)
  t.match(refused.json(), { success: false, code: 'not_ready' })
  t.equal(refused.headers['retry-after'], '5')
})

t.test('a reply that has begun breaks off when the server closes: of a submitter who waits, and of lines', async t => {
  const { closing, url, clock, job, store } = await serving(t)
  const body = '{"task":"x","wait":true}'
  const waiter = fetch(`${url}/jobs`, { method: 'POST', body, headers: { 'content-type': 'application/json' } })
  const reader = fetch(`${url}/jobs/${job.id}/events`, { headers: { accept: 'application/x-ndjson' } })
  await until(async () => (await store.list({ limit: 9 })).length === 2 || undefined)
  const replies = Promise.all([waiter, reader])
  let isThere = false
  void replies.then(() => {
    isThere = true
  })
  // White space, so that no balancer takes them for dead.
  await until(() => {
    clock.advance(15_000)
    return isThere || undefined
  })
  closing.abort()
  for (const reply of await replies) {
    t.equal(reply.status, 200)
    await t.rejects(reply.text(), { message: 'terminated' })
  }
})

t.test('an address that cannot be read is answered under an id, and written down', async t => {
  const { http, url, log } = await serving(t)
  const said = await bytesTo(url, asks('/jobs/%ff', 'X-Request-Id: odd', 'Connection: close'))
  t.match(said, /^HTTP\/1\.1 400 /)
  t.match(said, /\r\nx-request-id: odd\r\n/i)
  t.match(said, /\r\nx-content-type-options: nosniff\r\n/i)
  const line = await until(() => log.find(each => each.reqId === 'odd'))
  t.match(line, { msg: 'request', path: '/jobs/%ff', status: 400 })
  const long = await http('GET', `/jobs/${'f'.repeat(201)}`)
  t.equal(long.status, 414)
  t.match(long.headers['x-request-id'], /^[\w-]{36}$/)
})

t.test('strangers are warned of once a minute, however often they come', async t => {
  const { http, clock, log } = await serving(t)
  const come = () => http('GET', '/jobs', { headers: { 'x-forwarded-for': '8.8.8.8' } })
  const warned = (): number => log.filter(({ msg }) => msg.startsWith('Turned away')).length
  for (let n = 0; n < 5; n++) t.equal((await come()).status, 403)
  t.equal(warned(), 1)
  clock.advance(60_000)
  await come()
  t.equal(warned(), 2)
})

t.test('the end of a job that does not exist is no end', async t => {
  const { http, job } = await serving(t)
  const headers = { 'last-event-id': 'end' }
  t.equal((await http('GET', '/jobs/ffffffff/events', { headers })).status, 404)
  t.equal((await http('GET', `/jobs/${job.id}/events`, { headers })).status, 204)
})

t.test('a server with other defaults takes what is sent again under a key for the same', async t => {
  const { http, log } = await serving(t)
  const body = { task: 'x', idempotency_key: 'k' }
  const { job } = oneJob.parse((await http('POST', '/jobs', { body })).json())
  t.match(job, { profile: 'coding', ttl_seconds: 60 })
  t.notOk('defaulted' in job)
  const again = await serving(t, { profile: 'review', ttlSeconds: 3600 })
  const same = await again.http('POST', '/jobs', { body })
  t.match(same.json(), { success: true, job: { id: job.id, profile: 'coding', ttl_seconds: 60 } })
  const other = await again.http('POST', '/jobs', { body: { ...body, profile: 'review' } })
  t.match([other.status, other.json()], [409, { code: 'idempotency_conflict' }])
  t.notOk(log.some(line => line.msg === 'request failed'))
})
