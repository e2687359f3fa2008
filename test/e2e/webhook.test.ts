import { readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { FileJobStore } from '../../src/store/file/store.ts'
import { FileJournal } from '../../src/store/journal/journal.ts'
import { systemClock } from '../../src/util/clock.ts'
import { startDaemon } from '../helpers/daemon.ts'
import { jobIn, scriptedAgent, token, world } from '../helpers/e2e.ts'
import { newJob } from '../helpers/jobs.ts'
import { until } from '../helpers/until.ts'
import { startReceiver, webhookSecret } from '../helpers/webhooks.ts'

const answer = { turns: [{ text: 'All is well already.' }] }
const outbox = (home: string): string[] => readdirSync(join(home, '.agenticore/jobs/.webhooks'))

t.test('run sends the record that job --json shows, after the outcome is printed', async t => {
  const { cli } = await world(t, [answer], scriptedAgent)
  const receiver = await startReceiver(t)
  const env = { AGENTICORE_WEBHOOK_URL: receiver.url, AGENTICORE_WEBHOOK_SECRET: webhookSecret }
  const { exitCode, stdout, stderr } = await cli(['run', `Look at ${token}`, '--local', '--wait'], { env })
  t.equal(exitCode, 0, stderr)
  t.match(stdout, /^succeeded/)
  t.notMatch(stderr, 'Warning')
  t.equal(receiver.received.length, 1)
  const [message] = receiver.received
  const { type, data } = JSON.parse(message?.body ?? '')
  const shown = jobIn(await cli(['job', data.job.id, '--json', '--local'], { env }))
  t.equal(type, 'job.succeeded')
  t.strictSame(data.job, { ...shown, task: 'Look at ***' })
  t.equal(message?.headers['webhook-id'], shown.id)
  t.strictSame(outbox(cli.home), [])
  for (const canary of [token, webhookSecret]) t.notMatch(JSON.stringify(message), canary)
})

t.test('a server that is away costs a warning, and gets the message by the next command that ends a job', async t => {
  const { cli } = await world(t, [answer], scriptedAgent)
  const receiver = await startReceiver(t)
  await receiver.close()
  const env = { AGENTICORE_WEBHOOK_URL: receiver.url, AGENTICORE_WEBHOOK_SECRET: webhookSecret }
  const result = await cli(['run', 'Look', '--local', '--json'], { env })
  const job = jobIn(result)
  t.equal(result.exitCode, 0)
  t.equal(job.status, 'succeeded')
  t.match(result.stderr.match(/^Warning: .*/gm), [
    /the webhook for job .* was not taken by 127\.0\.0\.1:\d+ \(connect E/i,
  ])
  t.strictSame(outbox(cli.home).sort(), [job.id, `${job.id}.tries`])

  // Time passes: the next try is due.
  rmSync(join(cli.home, '.agenticore/jobs/.webhooks', `${job.id}.tries`))
  const back = await startReceiver(t, receiver.port)
  t.equal((await cli(['jobs', '--local'], { env })).stderr, '')
  t.equal(back.received.length, 0, 'a command that only looks sends nothing')
  const other = jobIn(await cli(['run', 'Look', '--local', '--json'], { env }))
  t.strictSame(back.received.map(each => each.headers['webhook-id']).sort(), [job.id, other.id].sort())
  t.strictSame(outbox(cli.home), [])
})

t.test('a server that never answers holds the command up for five seconds, and the exit code stays', async t => {
  const { cli } = await world(t, [answer], scriptedAgent)
  const receiver = await startReceiver(t)
  receiver.answers = [undefined]
  const env = { AGENTICORE_WEBHOOK_URL: receiver.url, AGENTICORE_WEBHOOK_SECRET: webhookSecret }
  const running = cli.start(['run', 'Look', '--local', '--json'], { env })
  let printedAt = 0
  running.stdout.once('data', () => {
    printedAt = performance.now()
  })
  const { exitCode, stderr } = await running
  const heldMs = performance.now() - printedAt
  t.equal(exitCode, 0)
  t.match(stderr, '(no answer within 5 s)')
  t.ok(heldMs > 4500 && heldMs < 8000, `${heldMs} ms`)
})

t.test('a job that is cancelled while it waits is told by whoever cancels it', async t => {
  const { cli } = await world(t, [answer])
  const receiver = await startReceiver(t)
  const env = { AGENTICORE_WEBHOOK_URL: receiver.url, AGENTICORE_WEBHOOK_SECRET: webhookSecret }
  const root = join(cli.home, '.agenticore/jobs')
  const journal = await FileJournal.open(root)
  const store = await FileJobStore.open(root, { journal, clock: systemClock, warn: message => t.fail(message) })
  const { id } = await store.submit(newJob(new Date()))
  await store.close()
  t.equal((await cli(['cancel', id, '--local'], { env })).exitCode, 0)
  t.strictSame(
    receiver.received.map(({ headers, body }) => [headers['webhook-id'], JSON.parse(body).type]),
    [[id, 'job.cancelled']],
  )
})

t.test('an address without a secret is refused before anything is done', async t => {
  const { cli } = await world(t, [answer])
  const env = { AGENTICORE_WEBHOOK_URL: 'https://hooks.example.com' }
  const { exitCode, stderr } = await cli(['run', 'Look', '--local'], { env })
  t.equal(exitCode, 2)
  t.match(stderr, 'AGENTICORE_WEBHOOK_SECRET is not; set both')
})

t.test('a receiver that never answers does not hold up a server that is told to stop', async t => {
  const { cli } = await world(t, [answer], scriptedAgent)
  const receiver = await startReceiver(t)
  receiver.answers = [undefined]
  const env = { AGENTICORE_WEBHOOK_URL: receiver.url, AGENTICORE_WEBHOOK_SECRET: webhookSecret }
  const daemon = await startDaemon(t, cli, { env })
  await daemon.request('POST', '/jobs', { body: { task: 'Look', wait: true } })
  await until(() => receiver.received.length > 0 || undefined)
  const startMs = performance.now()
  t.equal(await daemon.stop(), 0)
  t.ok(performance.now() - startMs < 8000, 'a try takes ten seconds')
  t.equal(outbox(cli.home).length, 2, 'the next one sends it')
})
