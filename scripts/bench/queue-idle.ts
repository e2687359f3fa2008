import { setTimeout as delay } from 'node:timers/promises'
import type { Redis } from 'ioredis'
import { systemClock } from '../../src/util/clock.ts'
import { every } from '../../src/util/every.ts'
import { MemoryJournal } from './memory-journal.ts'
import { consume, type Place, startPod } from './queues.ts'

export interface Traffic {
  readonly name: string
  /** Commands of clients, and with them all that scripts do inside, a second. */
  readonly commands: number
  readonly withInner: number
}

/** As `src/chores.ts` has them. */
const [beatEveryMs, reapEveryMs, lookEveryMs] = [10_000, 10_000, 60_000]

interface IdleOptions {
  readonly client: Redis
  readonly count: number
  readonly seconds: number
}

const nothing = { concurrency: 5, started: () => undefined, over: () => undefined }

/** So many pods that have nothing to do, each with what a daemon does now and then. */
export async function measureIdle(place: Place, options: IdleOptions): Promise<Traffic[]> {
  return [await ours(place, options), await theirs(place, options)]
}

async function ours(place: Place, { client, count, seconds }: IdleOptions): Promise<Traffic> {
  const closing = new AbortController()
  const { signal } = closing
  const chores: Promise<void>[] = []
  const startedAt = new Date().toISOString()
  const pods = await Promise.all(
    Array.from({ length: count }, async () => {
      // Started one after the other in the time between two beats, as a rollout would.
      await delay(Math.random() * beatEveryMs)
      const { store, worker, fleet } = await startPod(place, new MemoryJournal(), nothing)
      const beat = (): Promise<unknown> =>
        fleet.beat({ version: '0.0.0', capacity: nothing.concurrency, startedAt, draining: worker.isDraining })
      const works = [
        [beatEveryMs, beat],
        [reapEveryMs, () => store.reap(async () => undefined)],
        [lookEveryMs, () => store.examine()],
      ] as const
      for (const [ms, work] of works) {
        await work()
        const how = { clock: systemClock, signal, failed: (error: unknown) => console.error(error) }
        chores.push(every(ms, how, async () => void (await work())))
      }
      return { store, worker }
    }),
  )
  const traffic = await watched(client, `${count} pods of agenticore`, seconds)
  closing.abort()
  await Promise.all(chores)
  for (const { worker, store } of pods) {
    await worker.drain()
    await store.close()
  }
  return traffic
}

async function theirs(place: Place, { client, count, seconds }: IdleOptions): Promise<Traffic> {
  const pods = await Promise.all(Array.from({ length: count }, () => consume('BullMQ', place, nothing)))
  const traffic = await watched(client, `${count} workers of BullMQ`, seconds)
  await Promise.all(pods.map(pod => pod.close()))
  return traffic
}

async function watched(client: Redis, name: string, seconds: number): Promise<Traffic> {
  const before = await counted(client)
  await delay(seconds * 1000)
  const after = await counted(client)
  // The first look is in the second.
  const [looks, own] = [1, 1]
  return {
    name,
    commands: (after.clients - before.clients - own) / seconds,
    withInner: (after.all - before.all - looks) / seconds,
  }
}

/** What only clients send here; everything else is from inside scripts, and Redis counts that like the rest. */
const fromClients = /^cmdstat_(evalsha|eval|info|ping|bzpopmin|subscribe|hello|client\|\w+|script\|\w+):calls=(\d+)/

async function counted(client: Redis): Promise<{ clients: number; all: number }> {
  const lines = (await client.info('commandstats')).split('\r\n')
  const calls = (pattern: RegExp): number =>
    lines.reduce((sum, line) => sum + Number(pattern.exec(line)?.at(-1) ?? 0), 0)
  return { clients: calls(fromClients), all: calls(/^cmdstat_[^:]+:calls=(\d+)/) }
}
