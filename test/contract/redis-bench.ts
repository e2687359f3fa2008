import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { AgenticoreError } from '../../src/jobs/errors.ts'
import type { Job } from '../../src/jobs/job.ts'
import type { JobStore } from '../../src/jobs/ports.ts'
import { FileJournal } from '../../src/store/journal/journal.ts'
import { RedisJobStore, type RedisStoreParts } from '../../src/store/redis/store.ts'
import { type Clock, systemClock } from '../../src/util/clock.ts'
import type { RedisUnderTest } from '../helpers/redis.ts'
import { restored } from '../helpers/restored.ts'
import { until } from '../helpers/until.ts'

let worlds = 0

/** One key prefix and one journal, and as many pods on them as are opened. */
export class RedisBench {
  readonly prefix: string
  readonly root: string
  readonly warnings: string[] = []
  readonly #t: Test
  readonly #redis: RedisUnderTest
  readonly #clock: Clock | undefined
  #pods = 0

  /** @param clock what time it is for all pods; Redis’ own, if not given */
  constructor(t: Test, redis: RedisUnderTest, clock?: Clock) {
    worlds += 1
    this.prefix = `world-${worlds}`
    this.root = join(redis.directory, this.prefix)
    this.#t = t
    this.#redis = redis
    this.#clock = clock
    mkdirSync(this.root)
  }

  async open(given: Partial<RedisStoreParts> = {}): Promise<RedisJobStore> {
    this.#pods += 1
    const store = await RedisJobStore.open({
      url: this.#redis.url,
      prefix: this.prefix,
      boot: { id: crypto.randomUUID(), podName: `pod-${this.#pods}`, ordinal: '' },
      journal: await FileJournal.open(this.root),
      isJournalShared: true,
      leaseMs: 45_000,
      endingMs: 0,
      ...(this.#clock ? { clock: this.#clock } : {}),
      waits: systemClock,
      random: Math.random,
      warn: message => this.warnings.push(message),
      ...given,
    })
    this.#t.teardown(() => store.close())
    await restored(this.#redis.client, this.prefix)
    return store
  }

  key(name: string): string {
    return `${this.prefix}:${name}`
  }
}

/** As a client does it: again until it is accepted. */
export async function accepted(store: JobStore, job: Job): Promise<Job> {
  return await until(async () => {
    try {
      return await store.submit(job)
    } catch (error) {
      if (error instanceof AgenticoreError && error.code === 'store_unavailable') return undefined
      throw error
    }
  })
}
