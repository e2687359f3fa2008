import t from 'tap'
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

t.test('file store: nothing looks at what others do while nobody watches, and nothing is left of who did', async t => {
  const root = t.testdir()
  const clock = new CountingClock()
  const warn = (message: string): void => void t.fail(message)
  const store = await FileJobStore.open(root, { journal: await FileJournal.open(root), clock, warn })
  await store.submit(newJob(clock.now()))
  clock.advance(10_000)
  const controllers = Array.from({ length: 3 }, () => new AbortController())
  const watchers = controllers.map(({ signal }) => store.watch(signal)[Symbol.asyncIterator]())
  t.equal(clock.sleeps, 0)
  const pending = watchers.map(watcher => watcher.next())
  await until(() => clock.sleeping === 3 || undefined)
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
  const next = store.watch(controller.signal)[Symbol.asyncIterator]().next()
  for (let looks = 1; looks <= 5; looks++) {
    await until(() => (clock.sleeping === 1 && clock.sleeps === looks) || undefined)
    clock.advance(1000)
  }
  await until(() => clock.sleeping === 1 || undefined)
  controller.abort()
  t.match(await next, { done: true })
  for (const each of [store, other]) await each.close()
})
