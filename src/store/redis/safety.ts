import type { Clock } from '../../util/clock.ts'
import type { RedisLink } from './link.ts'
import { text, texts } from './replies.ts'

/** Something about a Redis that loses jobs, or time, sooner or later. */
export interface Danger {
  /** `error`: it does not work like this. */
  readonly status: 'warning' | 'error'
  readonly message: string
  readonly remedy: string
}

export interface Safety {
  /** What it is, in a few words. */
  readonly about: string
  readonly dangers: readonly Danger[]
}

interface Looked {
  /** Fields of INFO. */
  readonly info: ReadonlyMap<string, string>
  /** Its clock is so far ahead of ours. */
  readonly aheadMs: number
}

/** ZRANGE with BYLEX and REV. */
const oldestVersion = [6, 2] as const
const mostSkewMs = 5000
const patienceMs = 5000

/**
 * How safe jobs are in this Redis. Asked by INFO and TIME alone, which a user that may do little else may ask.
 * @throws AgenticoreError `store_unavailable`
 */
export async function examineRedis(link: RedisLink, clock: Clock): Promise<Safety> {
  const info = fieldsOf(text(await link.call(['INFO'], patienceMs)))
  const askedMs = clock.now().getTime()
  const [seconds = '0', micros = '0'] = texts(await link.call(['TIME'], patienceMs))
  const answeredMs = clock.now().getTime()
  const aheadMs = Number(seconds) * 1000 + Number(micros) / 1000 - (askedMs + answeredMs) / 2
  const looked = { info, aheadMs }
  const dangers = [version, role, eviction, memory, persistence, cluster, skew].flatMap(check => check(looked) ?? [])
  return { about: `Redis ${info.get('redis_version') ?? 'of an unknown version'}`, dangers }
}

function version({ info }: Looked): Danger | undefined {
  const [major = 0, minor = 0] = (info.get('redis_version') ?? '').split('.').map(Number)
  if (major > oldestVersion[0] || (major === oldestVersion[0] && minor >= oldestVersion[1])) return undefined
  const oldest = oldestVersion.join('.')
  return {
    status: 'error',
    message: `version ${info.get('redis_version')} is older than ${oldest}`,
    remedy: `Use Redis ${oldest} or newer, or Valkey.`,
  }
}

function role({ info }: Looked): Danger | undefined {
  if (info.get('role') !== 'slave') return undefined
  return {
    status: 'error',
    message: 'it is a replica, which takes no jobs',
    remedy: 'Name the master in REDIS_URL, or let Sentinel find it (redis+sentinel://).',
  }
}

function eviction({ info }: Looked): Danger | undefined {
  const policy = info.get('maxmemory_policy')
  if (policy === undefined || policy === 'noeviction') return undefined
  return {
    status: info.get('maxmemory') === '0' ? 'warning' : 'error',
    message: `maxmemory-policy is ${policy}: when its memory is full it throws jobs away`,
    remedy: 'Set maxmemory-policy to noeviction: then it refuses new jobs instead.',
  }
}

/** A little before Redis begins to refuse. */
const nearlyFull = 0.95

function memory({ info }: Looked): Danger | undefined {
  const [used, most] = [Number(info.get('used_memory') ?? 0), Number(info.get('maxmemory') ?? 0)]
  if (most === 0 || used < most * nearlyFull) return undefined
  return {
    status: 'warning',
    message: `its memory is full (${used} of ${most} bytes): nothing new is accepted, and nothing that waits is started`,
    remedy: 'Raise maxmemory, or remove what else is in it. What runs goes on.',
  }
}

function persistence({ info }: Looked): Danger | undefined {
  if (info.get('aof_enabled') === '1') return undefined
  return {
    status: 'warning',
    message: 'appendonly is off: after a restart every job is read from the journal before one is accepted',
    remedy: 'Set appendonly yes (appendfsync everysec is enough: the journal has the last second).',
  }
}

/** A plain client does not follow to where a cluster has a key. */
function cluster({ info }: Looked): Danger | undefined {
  if (info.get('cluster_enabled') !== '1') return undefined
  return {
    status: 'error',
    message: 'it is a Redis Cluster, which does not work',
    remedy: 'Name a single Redis or Valkey in REDIS_URL, or let Sentinel find it (redis+sentinel://).',
  }
}

function skew({ aheadMs }: Looked): Danger | undefined {
  if (Math.abs(aheadMs) <= mostSkewMs) return undefined
  const [seconds, way] = [Math.round(Math.abs(aheadMs) / 1000), aheadMs > 0 ? 'ahead of' : 'behind']
  return {
    status: 'warning',
    message: `its clock is ${seconds} s ${way} the one here`,
    remedy: 'Have both set by NTP: jobs go by the one of Redis, logs and certificates by the one here.',
  }
}

function fieldsOf(info: string): Map<string, string> {
  const pairs = info.split('\r\n').map(line => /^(\w+):(.*)$/.exec(line))
  return new Map(pairs.flatMap(pair => (pair ? [[pair[1] ?? '', pair[2] ?? ''] as const] : [])))
}
