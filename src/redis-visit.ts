import type { Settings } from './config/settings.ts'
import { RedisLink } from './store/redis/link.ts'
import { text } from './store/redis/replies.ts'
import { examineRedis, type Safety } from './store/redis/safety.ts'
import { Scripts } from './store/redis/scripts.ts'
import { systemClock } from './util/clock.ts'
import { unlessAborted } from './util/unless-aborted.ts'

/** The composition root's part for those who have one thing to ask of Redis: over a connection of their own, for a moment. */

type RedisSettings = Pick<Settings, 'redisUrl' | 'redisKeyPrefix'>

/** @throws AgenticoreError `store_unavailable`, `invalid_setting` */
export const lookAtRedis = async (settings: RedisSettings): Promise<Safety> =>
  await visit(settings, link => examineRedis(link, systemClock))

/**
 * Tells a server by Redis alone to start no more jobs; tries until `signal` aborts.
 * @returns false when no server of that name is known there
 * @throws AgenticoreError `store_unavailable`, `invalid_setting`; the signal's reason
 */
export const flagToDrain = async (
  settings: RedisSettings & Pick<Settings, 'podName'>,
  signal: AbortSignal,
): Promise<boolean> =>
  await visit(settings, async link => {
    const scripts = new Scripts({ link, prefix: settings.redisKeyPrefix, patienceMs: Number.POSITIVE_INFINITY })
    return text(await unlessAborted(scripts.run('drain', settings.podName), signal)) !== ''
  })

async function visit<T>({ redisUrl: url }: RedisSettings, work: (link: RedisLink) => Promise<T>): Promise<T> {
  const link = new RedisLink({
    url,
    name: 'agenticore-visit',
    clock: systemClock,
    random: Math.random,
    warn: () => undefined,
  })
  try {
    return await work(link)
  } finally {
    await link.close()
  }
}
