import { createHmac } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { execa } from 'execa'
import t, { type Test } from 'tap'
import { wireJob } from '../../src/api/job.ts'
import { toWire } from '../../src/api/wire.ts'
import type { Job, JobRequest } from '../../src/jobs/job.ts'
import type { Lease } from '../../src/jobs/ports.ts'
import { encodeJob } from '../../src/jobs/record.ts'
import { FileJobStore } from '../../src/store/file/store.ts'
import { FileJournal } from '../../src/store/journal/journal.ts'
import type { Webhook } from '../../src/webhook/webhook.ts'
import type { ScenarioName } from '../fixtures/store/scenarios.ts'
import { ManualClock } from '../helpers/clock.ts'
import { compileCache } from '../helpers/compile-cache.ts'
import { newJob } from '../helpers/jobs.ts'
import { until } from '../helpers/until.ts'
import { type Received, type Receiver, startReceiver, webhookIn, webhookSecret } from '../helpers/webhooks.ts'

const limitMs = 60_000
const secondMs = 1000
const hourMs = 3600 * secondMs

interface Bench {
  readonly root: string
  readonly clock: ManualClock
  readonly receiver: Receiver
  readonly webhook: Webhook
  readonly warnings: string[]
  open(): Promise<FileJobStore>
  submit(store: FileJobStore, given?: Partial<JobRequest>): Promise<Job>
}

async function bench(t: Test, secrets: readonly string[] = []): Promise<Bench> {
  const root = t.testdir()
  const clock = new ManualClock()
  const receiver = await startReceiver(t)
  const warnings: string[] = []
  const warn = (message: string): void => void warnings.push(message)
  const webhook = webhookIn(root, { url: receiver.url, clock, warn, secrets })
  const open = async (): Promise<FileJobStore> => {
    const journal = await FileJournal.open(root)
    const store = await FileJobStore.open(root, { journal, clock, warn, ended: job => webhook.announce(job) })
    t.teardown(() => store.close())
    return store
  }
  const submit = async (store: FileJobStore, given: Partial<JobRequest> = {}): Promise<Job> => {
    clock.advance(1)
    return await store.submit(newJob(clock.now(), given))
  }
  return { root, clock, receiver, webhook, warnings, open, submit }
}

async function claim(store: FileJobStore, job: Job): Promise<Lease> {
  const lease = await store.claim({ podName: 'a', only: job.id })
  if (!lease) throw new Error('no lease')
  return lease
}

/** A job that has ended, and is yet to be told of. */
async function ended({ open, submit }: Bench, output = 'done'): Promise<Job> {
  const store = await open()
  const job = await store.finish(await claim(store, await submit(store)), { status: 'succeeded', facts: { output } })
  await store.close()
  return job
}

const outbox = (root: string): string[] =>
  existsSync(join(root, '.webhooks')) ? readdirSync(join(root, '.webhooks')).sort() : []

const ids = ({ received }: Receiver) => received.map(({ headers }) => headers['webhook-id'])

/** What a receiver does, in other words than ours. */
function verified({ headers, body }: Received): { type: string; timestamp: string; data: { job: unknown } } {
  const { 'webhook-id': id, 'webhook-timestamp': at, 'webhook-signature': signature } = headers
  const expected = createHmac('sha256', webhookSecret).update(`${id}.${at}.${body}`, 'utf8').digest('base64')
  if (signature !== `v1,${expected}`) throw new Error(`${signature} is not v1,${expected}`)
  return JSON.parse(body)
}

const noEnd = async (): Promise<void> => undefined

t.test('a message is signed, says how the job ended, and is sent once', async t => {
  const place = await bench(t)
  const { receiver, webhook, clock, root } = place
  const job = await ended(place, 'The ünswer')
  t.strictSame(outbox(root), [job.id])
  t.strictSame(receiver.received, [], 'nothing is sent by ending')
  await webhook.flush({ limitMs })
  const [message] = receiver.received
  if (!message) throw new Error('nothing was sent')
  t.match(message.headers, {
    'webhook-id': job.id,
    'webhook-timestamp': String(Math.floor(clock.now().getTime() / 1000)),
    'content-type': 'application/json',
  })
  const { type, timestamp, data } = verified(message)
  t.equal(type, 'job.succeeded')
  t.equal(timestamp, job.endedAt)
  t.strictSame(data.job, JSON.parse(JSON.stringify(toWire(job))))
  t.match(wireJob.parse(data.job), { status: 'succeeded', output: 'The ünswer' })
  await webhook.flush({ limitMs })
  t.equal(receiver.received.length, 1)
  t.strictSame(outbox(root), [])
  t.strictSame(place.warnings, [])
})

t.test('every end of a job is told, whoever brings it about, each under one id', async t => {
  const place = await bench(t)
  const { clock, receiver, webhook, submit } = place
  const store = await place.open()
  const dying = async (): Promise<FileJobStore> => await place.open()
  const failed = { status: 'failed', errorCode: 'agent_failed', error: 'x', facts: {} } as const
  const expected = new Map<string, string>()

  const done = await submit(store)
  await store.finish(await claim(store, done), { status: 'succeeded', facts: {} })
  expected.set(done.id, 'succeeded')

  const broken = await submit(store)
  await store.finish(await claim(store, broken), failed)
  expected.set(broken.id, 'failed')

  const unwanted = await submit(store)
  await store.cancel(unwanted.id)
  await store.cancel(unwanted.id)
  expected.set(unwanted.id, 'cancelled')

  const stopped = await submit(store)
  const lease = await claim(store, stopped)
  await store.cancel(stopped.id)
  await store.finish(lease, { status: 'succeeded', facts: {} })
  expected.set(stopped.id, 'cancelled')

  const givenUp = await submit(store)
  const gone = await dying()
  await claim(gone, givenUp)
  await store.cancel(givenUp.id)
  await gone.close()
  await store.reap(noEnd)
  expected.set(givenUp.id, 'cancelled')

  const poison = await submit(store)
  for (const _ of [1, 2, 3]) {
    const victim = await dying()
    await claim(victim, poison)
    await victim.close()
    await store.reap(noEnd)
  }
  t.match(await store.get(poison.id), { status: 'failed', errorCode: 'poison' })
  expected.set(poison.id, 'failed')

  const late = await submit(store, { queueTtlSeconds: 60 })
  clock.advance(61 * secondMs)
  await store.reap(noEnd)
  expected.set(late.id, 'expired')

  const waiting = await submit(store, { queueTtlSeconds: 60 })
  clock.advance(61 * secondMs)
  t.equal(await store.claim({ podName: 'a', only: waiting.id }), undefined)
  expected.set(waiting.id, 'expired')

  const running = await submit(store)
  const held = await claim(store, running)
  const again = await store.release(held)
  t.equal(again.status, 'queued', 'what has not ended is not told')

  await store.reap(noEnd)
  await webhook.flush({ limitMs })
  t.strictSame(
    new Map(receiver.received.map(each => [each.headers['webhook-id'], verified(each).type])),
    new Map([...expected].map(([id, status]) => [id, `job.${status}`])),
  )
  t.equal(receiver.received.length, expected.size)
  t.strictSame(place.warnings, [])
})

t.test('500, then 200: tried again after the back-off and not before, under the same id with a new time', async t => {
  const place = await bench(t)
  const { clock, receiver, webhook, root } = place
  receiver.answers = [{ status: 500 }, { status: 503 }, { status: 204 }]
  const job = await ended(place)
  await webhook.flush({ limitMs })
  t.strictSame(outbox(root), [job.id, `${job.id}.tries`])
  t.match(place.warnings, [/^The webhook for job .* was not taken by 127.0.0.1:\d+ \(HTTP 500\); it is tried again/])
  t.notMatch(place.warnings.join(), 'secret-path')
  await webhook.flush({ limitMs })
  clock.advance(secondMs - 1)
  await webhook.flush({ limitMs })
  t.equal(receiver.received.length, 1)
  clock.advance(1)
  // Another process goes on where this one was.
  await webhookIn(root, { url: receiver.url, clock, warn: message => t.comment(message) }).flush({ limitMs })
  t.equal(receiver.received.length, 2)
  clock.advance(2 * secondMs)
  await webhook.flush({ limitMs })
  t.strictSame(ids(receiver), [job.id, job.id, job.id])
  t.equal(new Set(receiver.received.map(each => each.headers['webhook-timestamp'])).size, 3)
  t.equal(new Set(receiver.received.map(each => verified(each) && each.body)).size, 1)
  t.strictSame(outbox(root), [])
})

t.test('a server that was away gets what it missed', async t => {
  const place = await bench(t)
  const { clock, receiver, webhook, root } = place
  await receiver.close()
  const jobs = [await ended(place), await ended(place), await ended(place)]
  await webhook.flush({ limitMs })
  t.equal(place.warnings.length, 1, 'one line for all of them')
  t.match(place.warnings[0], /, and 2 more, was not taken by 127.0.0.1:\d+ \(connect ECONNREFUSED 127.0.0.1/)
  const back = await startReceiver(t, receiver.port)
  clock.advance(hourMs)
  await webhook.flush({ limitMs })
  t.strictSame(ids(back).sort(), jobs.map(job => job.id).sort())
  t.strictSame(outbox(root), [])
})

t.test('a redirect is not followed', async t => {
  const place = await bench(t)
  const { receiver, webhook, root } = place
  const elsewhere = await startReceiver(t)
  for (const status of [301, 307, 308]) {
    receiver.answers = [{ status, headers: { location: elsewhere.url } }]
    await webhook.flush({ limitMs })
    await ended(place)
    await webhook.flush({ limitMs })
    t.match(place.warnings.at(-1), `(HTTP ${status}, and redirects are not followed)`)
  }
  t.strictSame(elsewhere.received, [])
  t.equal(outbox(root).length, 6)
})

t.test('a server that does not answer is cut off, and holds nobody up longer than the limit', async t => {
  const place = await bench(t)
  const { clock, receiver, webhook } = place
  receiver.answers = [undefined]
  await ended(place)
  const slow = webhook.flush({ limitMs })
  await until(() => receiver.received[0])
  clock.advance(10 * secondMs)
  await slow
  t.match(place.warnings, [/\(no answer within 10 s\)/])
  for (const _ of [1, 2, 3, 4, 5]) await ended(place)
  const limited = webhook.flush({ limitMs: 5 * secondMs })
  await until(() => receiver.received[4])
  clock.advance(5 * secondMs)
  await limited
  t.match(place.warnings[1], /, and 3 more, .*\(no answer within 5 s\)/)
  t.equal(receiver.received.length, 5, 'what had not begun by then costs no try')
})

t.test('a try in flight is left to whoever makes it', async t => {
  const place = await bench(t)
  const { clock, receiver, webhook, root } = place
  receiver.answers = [undefined, { status: 200 }]
  const job = await ended(place)
  const first = webhook.flush({ limitMs })
  await until(() => receiver.received[0])
  const other = webhookIn(root, { url: receiver.url, clock, warn: message => t.comment(message) })
  await other.flush({ limitMs })
  t.equal(receiver.received.length, 1)
  clock.advance(10 * secondMs)
  await first
  clock.advance(secondMs)
  await other.flush({ limitMs })
  t.strictSame(ids(receiver), [job.id, job.id])
  t.strictSame(outbox(root), [])
})

t.test('a try whose process was killed is made again when it can be over', async t => {
  const place = await bench(t)
  const { clock, receiver, webhook, root } = place
  const job = await ended(place)
  const now = clock.now()
  const overAt = new Date(now.getTime() + 10 * secondMs)
  writeFileSync(join(root, '.webhooks', `${job.id}.tries`), `1 ${now.toISOString()} ${overAt.toISOString()}\n`)
  await webhook.flush({ limitMs })
  t.strictSame(receiver.received, [])
  clock.advance(10 * secondMs)
  await webhook.flush({ limitMs })
  t.strictSame(ids(receiver), [job.id])
  t.strictSame(outbox(root), [])
})

t.test('after three days it is given up, and said', async t => {
  const place = await bench(t)
  const { clock, receiver, webhook, root } = place
  receiver.answers = [{ status: 400 }]
  const job = await ended(place)
  for (let hours = 0; hours < 71; hours++) {
    await webhook.flush({ limitMs })
    clock.advance(hourMs)
  }
  t.equal(receiver.received.length, 71, 'an hour is the longest there is between two tries')
  t.strictSame(outbox(root), [job.id, `${job.id}.tries`])
  clock.advance(hourMs)
  const before = place.warnings.length
  await webhook.flush({ limitMs })
  t.strictSame(place.warnings.slice(before), [
    `The webhook for job ${job.id} is given up after 3 days and 72 tries; the last one: HTTP 400.`,
  ])
  t.strictSame(outbox(root), [])
})

t.test('neither the secret nor a token is in what is sent', async t => {
  const token = 'ghp_canary0123456789abcdefghijklmnop'
  const place = await bench(t, [token])
  const store = await place.open()
  const job = await place.submit(store, { task: `use ${token}`, idempotencyKey: webhookSecret })
  await store.finish(await claim(store, job), { status: 'succeeded', facts: { output: `${token} ${webhookSecret}` } })
  await place.webhook.flush({ limitMs })
  const sent = JSON.stringify(place.receiver.received)
  for (const canary of [token, webhookSecret]) t.notMatch(sent, canary)
  t.match(sent, 'use ***')
})

t.test('what a killed process had no time to say or to clear up is said by the next', async t => {
  const kills: readonly ScenarioName[] = [
    'an outcome that was accepted',
    'an end that is not cleared up',
    'an end that is announced',
    'a cancel request that has taken the job',
  ]
  for (const scenario of kills) {
    await t.test(scenario, async t => {
      const place = await bench(t)
      const job = newJob(new Date())
      const script = join(import.meta.dirname, '../fixtures/store/process.ts')
      const args = [script, place.root, scenario, JSON.stringify(encodeJob(job))]
      const { signal, stderr } = await execa(process.execPath, args, {
        reject: false,
        extendEnv: false,
        env: compileCache,
      })
      t.equal(signal, 'SIGKILL', stderr)
      const store = await place.open()
      await store.reap(noEnd)
      await place.webhook.flush({ limitMs })
      await store.reap(noEnd)
      await place.webhook.flush({ limitMs })
      t.strictSame(ids(place.receiver), [job.id])
      t.strictSame(outbox(place.root), [])
    })
  }
})

t.test('an outbox that cannot be written fails no job; an heir writes it', async t => {
  const place = await bench(t)
  const blocked = join(place.root, '.webhooks')
  writeFileSync(blocked, 'in the way')
  const job = await ended(place)
  t.equal(job.status, 'succeeded')
  t.match(place.warnings, [new RegExp(`^That job ${job.id} has ended could not be passed on: ENOTDIR`)])
  rmSync(blocked)
  const heir = await place.open()
  t.equal(await heir.hasHolders(), true)
  t.strictSame(await heir.reap(noEnd), [])
  await place.webhook.flush({ limitMs })
  t.strictSame(ids(place.receiver), [job.id])
  await heir.close()
  t.equal(await heir.hasHolders(), false)
})

t.test('what is damaged in the outbox keeps nothing from being sent', async t => {
  const place = await bench(t)
  const { root, clock, receiver, webhook } = place
  const [torn, ahead, orphan] = [await ended(place), await ended(place), newJob(clock.now())]
  writeFileSync(join(root, '.webhooks', `${torn.id}.tries`), '3 yester')
  writeFileSync(join(root, '.webhooks', `${ahead.id}.tries`), '1 2026-11-23T12:00:00.000Z 2031-01-01T00:00:00.000Z\n')
  writeFileSync(join(root, '.webhooks', `${orphan.id}.tries`), '1 2026-11-23T12:00:00.000Z 2026-11-23T12:00:00.000Z\n')
  mkdirSync(join(root, '.webhooks', 'not-ours'))
  await webhook.flush({ limitMs })
  t.strictSame(ids(receiver).sort(), [torn.id, ahead.id].sort())
  t.strictSame(outbox(root), ['not-ours'])
})

t.test('without an outbox a flush makes none; what cannot be read is an error', async t => {
  const { root, webhook } = await bench(t)
  await webhook.flush({ limitMs })
  t.strictSame(readdirSync(root), [])
  writeFileSync(join(root, '.webhooks'), '')
  await t.rejects(webhook.flush({ limitMs }), { code: 'ENOTDIR' })
})

t.test('who is told to close waits for no receiver, and leaves what is not sent to the next one', async t => {
  const place = await bench(t)
  const { receiver, webhook, root, clock } = place
  receiver.answers = [undefined]
  const jobs: Job[] = []
  for (let n = 0; n < 6; n++) jobs.push(await ended(place))
  const closing = new AbortController()
  const flushing = webhook.flush({ limitMs, signal: closing.signal })
  await until(() => receiver.received.length === 4 || undefined)
  closing.abort(new Error('the server closes'))
  await flushing
  t.equal(receiver.received.length, 4, 'and none is begun any more')
  t.match(place.warnings, [/and 3 more, was not taken by .* \(the server closes\)/])
  receiver.answers = [{ status: 200 }]
  clock.advance(60_000)
  await webhook.flush({ limitMs })
  t.strictSame(new Set(ids(receiver)), new Set(jobs.map(job => job.id)))
  t.strictSame(outbox(root), [])
})
