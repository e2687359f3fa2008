import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { Job } from '../../src/jobs/job.ts'
import type { JobStore } from '../../src/jobs/ports.ts'
import { FileJobStore } from '../../src/store/file/store.ts'
import { FileJournal } from '../../src/store/journal/journal.ts'
import { ManualClock } from '../helpers/clock.ts'
import { newJob } from '../helpers/jobs.ts'
import { until } from '../helpers/until.ts'

/** Counts who waits for time to go by. */
class CountingClock extends ManualClock {
  sleeping = 0
  sleeps = 0

  override async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    this.sleeping += 1
    this.sleeps += 1
    try {
      await super.sleep(ms, signal)
    } finally {
      this.sleeping -= 1
    }
  }
}

const iterators = async (store: JobStore, controllers: readonly AbortController[]): Promise<AsyncIterator<Job>[]> =>
  await Promise.all(controllers.map(async ({ signal }) => (await store.watch(signal))[Symbol.asyncIterator]()))

t.test('file store: nothing looks at what others do while nobody watches, and nothing is left of who did', async t => {
  const root = t.testdir()
  const clock = new CountingClock()
  const warn = (message: string): void => void t.fail(message)
  const store = await FileJobStore.open(root, { journal: await FileJournal.open(root), clock, warn })
  await store.submit(newJob(clock.now()))
  clock.advance(10_000)
  const controllers = Array.from({ length: 3 }, () => new AbortController())
  const watchers = await iterators(store, controllers)
  const pending = watchers.map(watcher => watcher.next())
  await until(() => clock.sleeping === 1 || undefined)
  for (const controller of controllers) controller.abort()
  t.match(await Promise.all(pending), Array(3).fill({ done: true }))
  t.equal(clock.sleeping, 0)
  const { sleeps } = clock
  clock.advance(10_000)
  await store.submit(newJob(clock.now()))
  t.equal(clock.sleeps, sleeps)
  await store.close()
})

t.test('file store: of a job that nobody touches nothing is told, however often it is looked at', async t => {
  const root = t.testdir()
  const clock = new CountingClock()
  const warn = (message: string): void => void t.fail(message)
  const open = async () => await FileJobStore.open(root, { journal: await FileJournal.open(root), clock, warn })
  const [store, other] = [await open(), await open()]
  for (const _ of [1, 2]) {
    clock.advance(10)
    await other.submit(newJob(clock.now()))
  }
  await other.claim({ podName: 'b' })
  const controller = new AbortController()
  const [watcher] = await iterators(store, [controller])
  const next = watcher?.next()
  for (let looks = 1; looks <= 5; looks++) {
    await until(() => (clock.sleeping === 1 && clock.sleeps === looks) || undefined)
    clock.advance(1000)
  }
  await until(() => clock.sleeping === 1 || undefined)
  controller.abort()
  t.match(await next, { done: true })
  for (const each of [store, other]) await each.close()
})

t.test('file store: however many watch a long queue, one looks, and a change is read once for all of them', async t => {
  const root = t.testdir()
  const clock = new CountingClock()
  const warn = (message: string): void => void t.fail(message)
  const journal = await FileJournal.open(root)
  let reads = 0
  const read = journal.read.bind(journal)
  const counting = Object.assign(journal, {
    async read(id: Job['id']) {
      reads += 1
      return await read(id)
    },
  })
  const store = await FileJobStore.open(root, { journal: counting, clock, warn })
  const other = await FileJobStore.open(root, { journal: await FileJournal.open(root), clock, warn })
  for (let n = 0; n < 3; n++) await other.submit(newJob(clock.now()))
  clock.advance(10)
  for (let n = 0; n < 2000; n++) {
    const { id } = newJob(clock.now())
    for (const place of ['active', 'queue']) writeFileSync(join(root, place, id), '')
  }
  const controllers = Array.from({ length: 300 }, () => new AbortController())
  const watchers = await iterators(store, controllers)
  t.equal(reads, 0, 'what waits is not read')
  for (let changes = 1; changes <= 3; changes++) {
    const next = watchers.map(watcher => watcher.next())
    const lease = await other.claim({ podName: 'b' })
    await until(() => clock.sleeping === 1 || undefined)
    clock.advance(60_000)
    const told = await Promise.all(next)
    t.ok(told.every(({ value }) => value?.id === lease?.job.id && value?.status === 'running'))
    t.equal(clock.sleeps, changes + 1, 'one look')
    // Each time those that run are looked at, and the new one is read.
    t.equal(reads, [2, 5, 9][changes - 1])
  }
  for (const controller of controllers) controller.abort()
  for (const each of [store, other]) await each.close()
})

t.test('file store: what others do between the opening and the first change is told', async t => {
  const root = t.testdir()
  const clock = new CountingClock()
  const warn = (message: string): void => void t.fail(message)
  const open = async () => await FileJobStore.open(root, { journal: await FileJournal.open(root), clock, warn })
  const [store, other] = [await open(), await open()]
  const controller = new AbortController()
  const [watcher] = await iterators(store, [controller])
  const { id } = await other.submit(newJob(clock.now()))
  const next = watcher?.next()
  await until(() => clock.sleeping === 1 || undefined)
  clock.advance(1000)
  t.match(await next, { value: { id, status: 'queued' } })
  controller.abort()
  for (const each of [store, other]) await each.close()
})
