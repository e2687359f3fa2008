import { appendFileSync, mkdirSync, readFileSync, renameSync, rmdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t, { type Test } from 'tap'
import { Changes } from '../../src/jobs/changes.ts'
import type { JobEvent } from '../../src/jobs/events.ts'
import type { Lease } from '../../src/jobs/ports.ts'
import { JobService } from '../../src/jobs/service.ts'
import { claimed } from '../../src/jobs/states.ts'
import { FileJobStore } from '../../src/store/file/store.ts'
import { FileEventLog } from '../../src/store/journal/events.ts'
import { FileJournal } from '../../src/store/journal/journal.ts'
import { redactor } from '../../src/util/redact.ts'
import { ManualClock } from '../helpers/clock.ts'
import { newJob, request } from '../helpers/jobs.ts'
import { until } from '../helpers/until.ts'

/** Time passes as fast as it is waited for. */
class ImpatientClock extends ManualClock {
  override async sleep(ms: number): Promise<void> {
    this.advance(ms)
    await new Promise(setImmediate)
  }
}

const clock = new ImpatientClock()
const queued = newJob(clock.now())

const leaseOf = (root: string, fence: number): Lease => {
  mkdirSync(join(root, `${queued.id}.d`, String(fence)), { recursive: true })
  return { job: claimed(queued, { fence, podName: 'a', bootId: 'boot', at: clock.now() }), fence }
}

const logIn = (root: string): FileEventLog => new FileEventLog(root, { clock, redact: redactor(['canary-secret']) })

async function all(events: AsyncIterable<JobEvent>): Promise<JobEvent[]> {
  const found: JobEvent[] = []
  for await (const event of events) found.push(event)
  return found
}

const warning = (message: string) => ({ type: 'warning', message }) as const

t.test('events keep their order, number themselves densely in each attempt, and hold no secret', async t => {
  const root = t.testdir()
  const log = logIn(root)
  const [first, second] = [leaseOf(root, 1), leaseOf(root, 10)]
  await Promise.all(Array.from({ length: 50 }, (_, n) => log.append(first, warning(`${n} canary-secret`))))
  await log.append(second, warning('later'))
  const events = await all(logIn(root).read(queued.id))
  t.strictSame(
    events.map(event => event.id),
    [...Array.from({ length: 50 }, (_, n) => `1-${n + 1}`), '10-1'],
  )
  t.match(events[7], { type: 'warning', message: '7 ***', at: clock.now().toISOString() })
  t.notMatch(readFileSync(join(root, `${queued.id}.d/1/events.ndjson`), 'utf8'), 'canary')
})

t.test('the torn last line of a writer that was killed is passed over; a job without events has none', async t => {
  const root = t.testdir()
  const log = logIn(root)
  t.strictSame(await all(log.read(queued.id)), [])
  const lease = leaseOf(root, 1)
  await log.append(lease, warning('whole'))
  appendFileSync(join(root, `${queued.id}.d/1/events.ndjson`), '{"id":"1-2","at":"2026')
  t.strictSame(
    (await all(log.read(queued.id))).map(event => event.id),
    ['1-1'],
  )
})

t.test('a log that could not be opened or written is looked at anew for the next event', async t => {
  const root = t.testdir()
  const log = logIn(root)
  const lease = leaseOf(root, 1)
  const file = join(root, `${queued.id}.d/1/events.ndjson`)
  mkdirSync(file)
  const failed = await Promise.allSettled(['a', 'b', 'c'].map(text => log.append(lease, warning(text))))
  t.match(failed, Array(3).fill({ status: 'rejected', reason: { code: 'EISDIR', message: file } }))
  rmdirSync(file)
  await log.append(lease, warning('d'))
  // The directory goes, and comes back with half a line.
  renameSync(dirname(file), `${dirname(file)}.aside`)
  const again = await Promise.allSettled(['e', 'f'].map(text => log.append(lease, warning(text))))
  t.match(again, Array(2).fill({ status: 'rejected', reason: { code: 'ENOENT' } }))
  renameSync(`${dirname(file)}.aside`, dirname(file))
  appendFileSync(file, '{"id":"1-2"')
  await Promise.all(['g', 'h'].map(text => log.append(lease, warning(text))))
  const events = await all(log.read(queued.id))
  t.strictSame(
    events.map(event => [event.id, event.type === 'warning' && event.message]),
    [
      ['1-1', 'd'],
      ['1-2', 'g'],
      ['1-3', 'h'],
    ],
  )
})

t.test('a follower gets what is written after it began, once each, until the job has ended', async t => {
  const root = t.testdir()
  const log = logIn(root)
  const lease = leaseOf(root, 1)
  await log.append(lease, warning('before'))
  let over = false
  const follow = { ended: async () => over, signal: new AbortController().signal }
  const seen: string[] = []
  for await (const event of logIn(root).read(queued.id, { follow })) {
    seen.push(event.id)
    if (event.id === '1-1') await log.append(lease, warning('a line of ünïcödé'))
    if (event.id === '1-2') {
      await log.append(leaseOf(root, 2), warning('another attempt'))
      over = true
    }
  }
  t.strictSame(seen, ['1-1', '1-2', '2-1'])
})

t.test('a follower that is told to stop, stops', async t => {
  const root = t.testdir()
  await logIn(root).append(leaseOf(root, 1), warning('x'))
  const controller = new AbortController()
  const seen: string[] = []
  for await (const event of logIn(root).read(queued.id, {
    follow: { ended: async () => false, signal: controller.signal },
  })) {
    seen.push(event.id)
    controller.abort()
  }
  t.strictSame(seen, ['1-1'])
})

const idsOf = (events: readonly JobEvent[]): string[] => events.map(event => event.id)

t.test('reading goes on after any event, and what is no id of one is refused', async t => {
  const root = t.testdir()
  const log = logIn(root)
  for (const fence of [1, 2, 10]) {
    const lease = leaseOf(root, fence)
    for (let n = 0; n < 11; n++) await log.append(lease, warning(`${n}`))
  }
  const whole = idsOf(await all(log.read(queued.id)))
  t.equal(whole.length, 33)
  for (const [index, after] of whole.entries()) {
    t.strictSame(idsOf(await all(log.read(queued.id, { after }))), whole.slice(index + 1), after)
  }
  t.strictSame(idsOf(await all(log.read(queued.id, { after: '2-99' }))), whole.slice(22), 'of no event we know')
  t.strictSame(await all(log.read(queued.id, { after: '11-1' })), [])
  for (const after of ['', '1', '1-', '-1', '1-2-3', 'a-b', '1-1 ', '0x1-1', '1.5-1', '9'.repeat(99)]) {
    await t.rejects(all(log.read(queued.id, { after })), { code: 'invalid_request' }, JSON.stringify(after))
  }
})

t.test('what an earlier attempt still says after a later one is left out, wherever reading is taken up', async t => {
  const root = t.testdir()
  const [log, late] = [logIn(root), logIn(root)]
  const [first, second] = [leaseOf(root, 1), leaseOf(root, 2)]
  await log.append(first, warning('a'))
  await log.append(second, warning('b'))
  let over = false
  const follow = { ended: async () => over, signal: new AbortController().signal }
  const seen: string[] = []
  for await (const event of logIn(root).read(queued.id, { follow })) {
    seen.push(event.id)
    if (event.id === '2-1') {
      await late.append(first, warning('late'))
      await log.append(second, warning('c'))
    }
    over = event.id === '2-2'
  }
  t.strictSame(seen, ['1-1', '2-1', '2-2'])
  t.strictSame(idsOf(await all(log.read(queued.id, { after: '2-1' }))), ['2-2'])
})

t.test('a follower wakes at once for what this process does, while the clock stands still', async t => {
  const root = t.testdir()
  const still = new ManualClock()
  const changes = new Changes()
  const log = new FileEventLog(root, { clock: still, redact: redactor([]), changes, pollMs: 2000 })
  const lease = leaseOf(root, 1)
  let over = false
  const follow = { ended: async () => over, signal: new AbortController().signal }
  const reading = log.read(queued.id, { follow })[Symbol.asyncIterator]()
  for (let n = 1; n <= 3; n++) {
    const next = reading.next()
    await still.slept()
    await log.append(lease, warning('x'))
    t.match(await next, { value: { id: `1-${n}` } })
  }
  const end = reading.next()
  over = true
  changes.tell(queued.id, 'record')
  t.match(await end, { done: true })
})

t.test('following a job that waits ends as soon as this process ends it', async t => {
  const root = t.testdir()
  const still = new ManualClock()
  const changes = new Changes()
  const journal = await FileJournal.open(root)
  const store = await FileJobStore.open(root, { journal, clock: still, changes, warn: message => t.fail(message) })
  const log = new FileEventLog(root, { clock: still, redact: redactor([]), changes })
  const job = await store.submit(newJob(still.now()))
  const ended = async () => (await store.get(job.id))?.status === 'cancelled'
  const events = all(log.read(job.id, { follow: { ended, signal: new AbortController().signal } }))
  await still.slept()
  await store.cancel(job.id)
  t.strictSame(await events, [])
  await store.close()
})

t.test('a follower of a job that nothing happens to asks seldom, and sees at its next look what others do', async t => {
  const root = t.testdir()
  const still = new ManualClock()
  const log = new FileEventLog(root, { clock: still, redact: redactor([]), pollMs: 2000 })
  let asked = 0
  const ended = async (): Promise<boolean> => {
    asked += 1
    return false
  }
  const controller = new AbortController()
  const reading = log.read(queued.id, { follow: { ended, signal: controller.signal } })[Symbol.asyncIterator]()
  const look = async (): Promise<void> => {
    await still.slept()
    still.advance(2000)
  }
  const next = reading.next()
  for (let n = 0; n < 29; n++) await look()
  await still.slept()
  t.equal(asked, 1)
  await look()
  await still.slept()
  t.equal(asked, 2, 'after a minute all the same')
  await logIn(root).append(leaseOf(root, 1), warning('of another process'))
  await look()
  t.match(await next, { value: { id: '1-1' } })
  const later = reading.next()
  await still.slept()
  await logIn(root).append(leaseOf(root, 1), warning('more'))
  let seen = false
  void later.then(() => {
    seen = true
  })
  await until(() => {
    still.advance(2000)
    return seen || undefined
  })
  t.match(await later, { value: { id: '1-2' } })
  const last = reading.next()
  controller.abort()
  t.match(await last, { done: true })
})

async function service(t: Test) {
  const root = t.testdir()
  const journal = await FileJournal.open(root)
  const store = await FileJobStore.open(root, { journal, clock, warn: message => t.fail(message) })
  const checked: string[] = []
  const checkRepository = (url: string, ref: string): void => void checked.push(`${url} ${ref}`)
  return {
    store,
    checked,
    service: new JobService({
      store,
      events: logIn(root),
      clock,
      checkRepository,
      checkProfile: async () => undefined,
      defaults: { profile: 'coding', ttlSeconds: 60 },
      queueLimit: Number.POSITIVE_INFINITY,
    }),
  }
}

t.test('the service submits what is valid, and finds a job by any unique part of its id', async t => {
  const { service: jobs, checked } = await service(t)
  const job = await jobs.submit({ ...request, baseRef: 'main' })
  t.strictSame(checked, [`${request.repoUrl} main`])
  for (const part of [
    job.id,
    job.id.toUpperCase(),
    job.id.slice(-12),
    job.id.slice(-4),
    job.id.slice(0, 4),
    ` ${job.id} `,
  ]) {
    t.equal((await jobs.get(part)).id, job.id, part)
  }
  await t.rejects(jobs.submit({ ...request, task: '' }), { code: 'invalid_request' })
  clock.advance(10)
  const second = await jobs.submit(request)
  await t.rejects(jobs.get(job.id.slice(0, 4)), { code: 'ambiguous_id', message: /fits 2 jobs/ })
  for (const part of ['', 'abc', '  ']) await t.rejects(jobs.get(part), { code: 'ambiguous_id', message: /too short/ })
  for (const part of ['ffff', '../x', 'x'.repeat(500)]) await t.rejects(jobs.get(part), { code: 'job_not_found' })
  t.strictSame(
    (await jobs.list({ limit: 5 })).map(each => each.id),
    [second.id, job.id],
  )
  t.match(await jobs.cancel(second.id), { status: 'cancelled' })
  t.strictSame(
    await all(jobs.events(second.id, { follow: new AbortController().signal })),
    [],
    'following what has ended ends',
  )
})
