import { setTimeout as delay } from 'node:timers/promises'
import type { RedisUnderTest } from '../../helpers/redis.ts'
import { loseTail } from './appendonly.ts'
import type { Kinds } from './lane.ts'

/** What it has when it comes back: its last snapshot; or all but what it had not yet brought to its disk. */
export type Persistence = 'snapshots' | 'appendonly'

export const persistenceOf = (seed: number): Persistence => (seed % 2 === 0 ? 'appendonly' : 'snapshots')

export const redisArgs: Readonly<Record<Persistence, readonly string[]>> = {
  snapshots: ['--save', '', '--appendonly', 'no'],
  appendonly: ['--save', '', '--appendonly', 'yes', '--appendfsync', 'everysec'],
}

export interface RedisFaultsParts {
  readonly redis: RedisUnderTest
  readonly persistence: Persistence
  readonly leaseMs: number
  /** In [0, 1). */
  random(): number
  /** In ms since the epoch. */
  killed(at: number): void
}

/** What goes wrong with Redis itself. */
export function redisFaults({ redis, persistence, leaseMs, random, killed }: RedisFaultsParts): Kinds {
  const { client } = redis
  const comeBack = async (): Promise<void> => {
    killed(Date.now())
    await delay(2000 * random())
    await redis.start()
  }
  const killings: Record<Persistence, Kinds> = {
    snapshots: {
      'snapshot of Redis': () => quietly(client.save()),
      'Redis killed, back with its last snapshot': async () => {
        await redis.kill()
        await comeBack()
      },
    },
    appendonly: {
      'Redis killed, back without its last second': async () => {
        await loseTail(redis, 1000 * random())
        await comeBack()
      },
    },
  }
  return {
    ...killings[persistence],
    FLUSHALL: () => quietly(client.flushall()),
    'Redis stood still': async () => {
      redis.signal('SIGSTOP')
      await delay(leaseMs * (1 + random()))
      redis.signal('SIGCONT')
    },
    'Redis full': async () => {
      await client.config('SET', 'maxmemory', '1mb')
      await delay(3000 * random())
      await client.config('SET', 'maxmemory', '0')
    },
  }
}

const quietly = (work: Promise<unknown>): Promise<void> => work.then(() => undefined).catch(() => undefined)
