import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { Queue, Worker as TheirWorker } from 'bullmq'
import type { Journal } from '../../src/jobs/ports.ts'
import { FileJournal } from '../../src/store/journal/journal.ts'
import type { Boot } from '../../src/store/redis/boot.ts'
import { RedisFleet } from '../../src/store/redis/fleet.ts'
import { RedisJobStore } from '../../src/store/redis/store.ts'
import { systemClock } from '../../src/util/clock.ts'
import { Worker } from '../../src/worker/worker.ts'
import { newJob, request } from '../../test/helpers/jobs.ts'
import { MemoryJournal } from './memory-journal.ts'

/** Where a queue is: all who name the same one share it. */
export interface Place {
  readonly port: number
  readonly prefix: string
  /** For the journal. */
  readonly directory: string
}

export interface Producer {
  /** Resolves when the job is accepted. @returns its id */
  submit(): Promise<string>
  close(): Promise<void>
}

export interface ConsumerOptions {
  readonly concurrency: number
  /** Somebody's code could run now. */
  started(id: string): void
  /** It has ended, and everybody who asks hears so. */
  over(id: string): void
}

export interface Consumer {
  close(): Promise<void>
}

export const kinds = ['agenticore, journal off', 'agenticore, journal on', 'BullMQ'] as const
export type Kind = (typeof kinds)[number]

export async function produce(kind: Kind, place: Place): Promise<Producer> {
  if (kind === 'BullMQ') {
    const { port, prefix } = place
    const queue = new Queue('bench', { connection: { port }, prefix })
    await queue.waitUntilReady()
    const submit = async (): Promise<string> => (await queue.add('job', request)).id ?? ''
    return { submit, close: () => queue.close() }
  }
  const store = await openPod(place, { journal: await journalFor(kind, place) })
  const submit = async (): Promise<string> => (await store.submit(newJob(new Date()))).id
  return { submit, close: () => store.close() }
}

export async function consume(kind: Kind, place: Place, options: ConsumerOptions): Promise<Consumer> {
  if (kind === 'BullMQ') return await theirConsumer(place, options)
  const { worker, store } = await startPod(place, await journalFor(kind, place), options)
  return {
    async close() {
      await worker.drain()
      await store.close()
    },
  }
}

async function theirConsumer({ port, prefix }: Place, { concurrency, started, over }: ConsumerOptions) {
  const run = async ({ id = '' }): Promise<void> => started(id)
  // Without a retry policy for its own blocking connection it warns.
  const connection = { port, maxRetriesPerRequest: null }
  const worker = new TheirWorker('bench', run, { connection, prefix, concurrency })
  worker.on('completed', ({ id = '' }) => over(id))
  await worker.waitUntilReady()
  return { close: () => worker.close() }
}

async function journalFor(kind: Kind, { directory, prefix }: Place): Promise<Journal> {
  if (kind === 'agenticore, journal off') return new MemoryJournal()
  const root = join(directory, prefix)
  mkdirSync(root, { recursive: true })
  return await FileJournal.open(root)
}

let pods = 0

/** One start of one pod, as the others see it. */
function nextBoot(): Boot & { readonly ordinal: number } {
  pods += 1
  return { id: crypto.randomUUID(), podName: `pod-${pods}`, ordinal: pods }
}

const warn = (message: string): void => console.error(message)

/** As a daemon has it. */
export async function openPod({ port, prefix }: Place, given: { journal: Journal; boot?: Boot; woken?(): void }) {
  const { journal, boot = nextBoot(), woken = () => undefined } = given
  return await RedisJobStore.open({
    url: `redis://127.0.0.1:${port}`,
    prefix,
    boot,
    journal,
    isJournalShared: journal instanceof FileJournal,
    leaseMs: 45_000,
    endingMs: 30_000,
    waits: systemClock,
    random: Math.random,
    warn,
    woken,
  })
}

/** How often the daemon looks for a job nobody has told it of. */
const lookEveryMs = 2000

/** A store and a worker on it, whose jobs end at once. */
export async function startPod(place: Place, journal: Journal, { concurrency, started, over }: ConsumerOptions) {
  const boot = nextBoot()
  let wake = (): void => undefined
  const store = await openPod(place, { journal, boot, woken: () => wake() })
  const worker = new Worker({
    store,
    clock: systemClock,
    podName: boot.podName,
    capacity: concurrency,
    lookEveryMs,
    async run(lease) {
      started(lease.job.id)
      return await store.finish(lease, { status: 'succeeded', facts: {} })
    },
    obstacle: async () => undefined,
    claimed: () => undefined,
    over: job => over(job.id),
    warn,
    random: Math.random,
  })
  wake = () => worker.wake()
  worker.start()
  return { store, worker, fleet: new RedisFleet(store.connections, boot) }
}
