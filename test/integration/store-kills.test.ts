import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { execa } from 'execa'
import t, { type Test } from 'tap'
import type { Job } from '../../src/jobs/job.ts'
import type { Lease } from '../../src/jobs/ports.ts'
import { encodeJob } from '../../src/jobs/record.ts'
import { FileJobStore } from '../../src/store/file/store.ts'
import { FileJournal } from '../../src/store/journal/journal.ts'
import { systemClock } from '../../src/util/clock.ts'
import { type ScenarioName, scenarios } from '../fixtures/store/scenarios.ts'
import { compileCache } from '../helpers/compile-cache.ts'
import { newJob } from '../helpers/jobs.ts'

/** What the next process finds, before it recovers, and after. */
interface Expected {
  /** Undefined: there is no such job; it was never accepted. */
  readonly found: Job['status'] | undefined
  readonly after?: Partial<Job>
  /** The attempts whose processes were ended. */
  readonly ended?: readonly number[]
}

const queued = { status: 'queued', interruptions: 0 } as const
const interrupted = { status: 'queued', interruptions: 1, attempt: 0, fence: 1, podName: '' } as const
const succeeded = { status: 'succeeded', headSha: 'f00', output: 'done' } as const

const expectations: Readonly<Record<ScenarioName, Expected>> = {
  'a submission that has only its key': { found: undefined },
  'a submission that has only its place in the queue': { found: undefined },
  'a submission without its record': { found: undefined },
  'a held submission that has only its key': { found: undefined },
  'a held submission that has only its place': { found: undefined },
  'a held submission without its record': { found: undefined },
  'a held job whose claim has begun nothing': { found: 'queued', after: { ...queued, fence: 0 } },
  'a held job whose claim has no record': { found: 'queued', after: { ...queued, fence: 0 } },
  'a held job with a cancel request that is only noted': { found: 'queued', after: { status: 'cancelled' } },
  'a claim that has begun nothing': { found: 'queued', after: { ...queued, fence: 0 } },
  'a claim without its record': { found: 'queued', after: { ...queued, fence: 0 } },
  'an outcome that was not accepted yet': { found: 'running', after: succeeded, ended: [1] },
  'an outcome that was accepted': { found: 'running', after: succeeded, ended: [1] },
  'an end that is not cleared up': { found: 'succeeded', after: succeeded },
  'an end that is announced': { found: 'succeeded', after: succeeded },
  'a release that is recorded': { found: 'queued', after: interrupted },
  'a release that is done': { found: 'queued', after: interrupted },
  'a cancel request that is only noted': { found: 'cancelled', after: { status: 'cancelled' } },
  'a cancel request that has taken the job': { found: 'queued', after: { status: 'cancelled' } },
  'a recovery that has ended the processes': { found: 'running', after: { ...interrupted, crashes: 1 }, ended: [1] },
  'a recovery that is recorded': { found: 'queued', after: { ...interrupted, crashes: 1 } },
}

const open = async (root: string) =>
  await FileJobStore.open(root, { journal: await FileJournal.open(root), clock: systemClock, warn: t.comment })

async function killedIn(name: ScenarioName, root: string, job: Job): Promise<void> {
  const script = join(import.meta.dirname, '../fixtures/store/process.ts')
  const args = [script, root, name, JSON.stringify(encodeJob(job))]
  const { signal, stderr } = await execa(process.execPath, args, { reject: false, extendEnv: false, env: compileCache })
  if (signal !== 'SIGKILL') throw new Error(`It was not killed: ${stderr}`)
}

for (const [name, expected] of Object.entries(expectations)) {
  t.test(`after a kill that leaves ${name}, the next process puts it right`, async t => {
    await putRight(t, { name, expected, idempotencyKey: 'k' })
  })
  t.test(`after a kill that leaves ${name}, without a key, the next process puts it right`, async t => {
    await putRight(t, { name, expected })
  })
}

interface Kill {
  readonly name: string
  readonly expected: Expected
  readonly idempotencyKey?: string
}

async function putRight(t: Test, { name, expected, ...key }: Kill): Promise<void> {
  const root = t.testdir()
  const job = newJob(new Date(), key)
  const scenario = Object.keys(scenarios).find((each): each is ScenarioName => each === name)
  if (!scenario) throw new Error(name)
  await killedIn(scenario, root, job)
  const store = await open(root)
  t.teardown(() => store.close())
  t.equal((await store.get(job.id))?.status, expected.found)
  const ended: number[] = []
  await store.reap(async lease => void ended.push(lease.fence))
  t.strictSame(ended, expected.ended ?? [])
  if (expected.after) t.match(await store.get(job.id), expected.after)
  await store.reap(async lease => void t.fail(`attempt ${lease.fence} was taken back again`))
  // Whatever was there, asking again, under the key or for the very same job, gives this one job, and it ends once.
  const again = key.idempotencyKey === undefined ? job : { ...job, id: newJob(new Date()).id }
  t.equal((await store.submit(again)).id, await idAfter(store, job))
  t.equal((await claims(store)).length, isOver(expected.after) ? 0 : 1)
  t.equal((await store.list({ limit: 5 })).length, 1)
  await store.close()
  t.strictSame(leftovers(root), isOver(expected.after) ? [] : ['active', 'holders'])
}

const isOver = (after: Partial<Job> | undefined): boolean =>
  after?.status === 'succeeded' || after?.status === 'cancelled'

/** The submitter's own id, unless its key never got to the disk. */
async function idAfter(store: FileJobStore, job: Job): Promise<string | undefined> {
  const [kept] = await store.list({ limit: 1 })
  return (await store.get(job.id))?.id ?? kept?.id
}

async function claims(store: FileJobStore): Promise<Lease[]> {
  const leases: Lease[] = []
  for (;;) {
    const lease = await store.claim({ podName: 'next' })
    if (!lease) return leases
    leases.push(lease)
  }
}

/** Directories of the store that are not empty, beside records, evidence and keys. */
const leftovers = (root: string): string[] =>
  ['active', 'holders', 'queue', 'verdict'].filter(
    name => readdirSync(join(root, name)).filter(entry => !entry.endsWith('.new')).length > 0,
  )
