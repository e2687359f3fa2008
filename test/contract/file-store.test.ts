import { execFileSync } from 'node:child_process'
import { copyFileSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { FileJobStore } from '../../src/store/file/store.ts'
import { FileJournal } from '../../src/store/journal/journal.ts'
import type { Clock } from '../../src/util/clock.ts'
import { ManualClock } from '../helpers/clock.ts'
import { newJob } from '../helpers/jobs.ts'
import { holdingContract, jobStoreContract } from './job-store.ts'
import type { OpenStore } from './kit.ts'

const open = async (root: string, clock: Clock, warn: (message: string) => void = () => undefined) =>
  await FileJobStore.open(root, { journal: await FileJournal.open(root), clock, warn })

const openStores: OpenStore = async (t, clock) => {
  const root = t.testdir()
  const stores: FileJobStore[] = []
  t.teardown(() => Promise.all(stores.map(store => store.close())))
  const openOne = async () => {
    const store = await open(root, clock)
    stores.push(store)
    return store
  }
  return { store: await openOne(), other: await openOne(), open: openOne }
}

jobStoreContract(t, 'file store', openStores)
holdingContract(t, 'file store', openStores)

t.test('file store: the record is on the disk, whole, when submit resolves', async t => {
  const root = t.testdir()
  const clock = new ManualClock()
  const job = newJob(clock.now())
  await (await open(root, clock)).submit(job)
  const names = readdirSync(root).sort()
  t.strictSame(names, [`${job.id}.json`, 'active', 'holders', 'keys', 'queue', 'verdict'].sort())
  t.strictSame(readdirSync(join(root, 'active')), [job.id])
  t.strictSame(readdirSync(join(root, 'queue')), [job.id])
  t.match(await (await open(root, clock)).get(job.id), { status: 'queued', task: job.task })
})

t.test('file store: a final job leaves no marker and keeps its evidence', async t => {
  const root = t.testdir()
  const clock = new ManualClock()
  const store = await open(root, clock)
  const job = newJob(clock.now())
  await store.submit(job)
  const lease = await store.claim({ podName: 'a' })
  if (!lease) throw new Error('no lease')
  await store.cancel(job.id)
  await store.finish(lease, { status: 'succeeded', facts: {} })
  await store.close()
  for (const markers of ['active', 'queue', 'holders', 'verdict']) t.strictSame(readdirSync(join(root, markers)), [])
  t.strictSame(readdirSync(join(root, `${job.id}.d/1`)).sort(), ['attempt.json', 'outcome.json'])
})

t.test('file store: a record that is none is named, and other jobs go on', async t => {
  const root = t.testdir()
  const clock = new ManualClock()
  const warnings: string[] = []
  const store = await open(root, clock, message => warnings.push(message))
  const broken = newJob(clock.now())
  await store.submit(broken)
  clock.advance(10)
  const job = newJob(clock.now())
  await store.submit(job)
  writeFileSync(join(root, `${broken.id}.json`), '{"id": ')
  await t.rejects(store.get(broken.id), {
    code: 'corrupt_record',
    message: new RegExp(`${broken.id}.json is not JSON`),
  })
  t.match(await store.get(job.id), { status: 'queued' })
  t.equal((await store.claim({ podName: 'a' }))?.job.id, job.id)
  t.strictSame(
    (await store.list({ limit: 5 })).map(each => each.id),
    [job.id],
  )
  t.equal(warnings.length, 2)
  t.match(warnings[0], `${broken.id}.json is not JSON`)
})

t.test('file store: a record under the name of another job is no record', async t => {
  const root = t.testdir()
  const clock = new ManualClock()
  const store = await open(root, clock)
  const [job, other] = [newJob(clock.now()), newJob(clock.now())]
  await store.submit(job)
  copyFileSync(join(root, `${job.id}.json`), join(root, `${other.id}.json`))
  await t.rejects(store.get(other.id), { code: 'corrupt_record', message: job.id })
})

t.test('file store: a claim that cannot begin leaves the job in the queue', async t => {
  const root = t.testdir()
  const clock = new ManualClock()
  const store = await open(root, clock)
  const job = newJob(clock.now())
  await store.submit(job)
  writeFileSync(join(root, `${job.id}.d`), 'in the way')
  await t.rejects(store.claim({ podName: 'a' }), { code: 'ENOTDIR' })
  rmSync(join(root, `${job.id}.d`))
  t.equal((await store.claim({ podName: 'a' }))?.job.id, job.id)
  await store.close()
})

t.test('file store: an attempt that was recorded and is held by nobody starts again', async t => {
  const root = t.testdir()
  const clock = new ManualClock()
  const store = await open(root, clock)
  const job = newJob(clock.now())
  await store.submit(job)
  const lease = await store.claim({ podName: 'a' })
  const [boot = ''] = readdirSync(join(root, 'holders'))
  renameSync(join(root, 'holders', boot, job.id), join(root, 'queue', job.id))
  t.equal(await store.claim({ podName: 'b' }), undefined, 'taken back first')
  const again = await store.claim({ podName: 'b' })
  t.match(again?.job, { id: job.id, fence: 2, interruptions: 1 })
  if (lease) await t.rejects(store.finish(lease, { status: 'succeeded', facts: {} }), { code: 'stale_lease' })
  await store.close()
})

t.test('file store: an attempt that was begun and never recorded does not block the next one', async t => {
  const root = t.testdir()
  const clock = new ManualClock()
  const store = await open(root, clock)
  const job = newJob(clock.now())
  await store.submit(job)
  mkdirSync(join(root, `${job.id}.d/1`), { recursive: true })
  const lease = await store.claim({ podName: 'a' })
  t.equal(lease?.fence, 2)
  t.equal((await store.get(job.id))?.fence, 2)
})

t.test('file store: what is no file among the records is left alone', async t => {
  const root = t.testdir()
  const clock = new ManualClock()
  const store = await open(root, clock)
  const job = newJob(clock.now())
  await store.submit(job)
  const [directory, pipe] = [1, 2].map(ms => newJob(new Date(clock.now().getTime() + ms)).id)
  mkdirSync(join(root, `${directory}.json`))
  execFileSync('mkfifo', [join(root, `${pipe}.json`)])
  t.strictSame(
    (await store.list({ limit: 5 })).map(each => each.id),
    [job.id],
  )
})
