import { isIP } from 'node:net'
import type { RedisOptions } from 'ioredis'

/** How replies look is for whoever opens the connection. */
export type RedisPlace = Omit<RedisOptions, 'replyMapping'>

/**
 * What `REDIS_URL` says: `redis://` or `rediss://` (TLS) with user, password and database as usual, or Redis Sentinel as
 * `redis+sentinel://[user:password@]host[:26379][,host...]/name[/database]` (`rediss+sentinel://` with TLS).
 * @throws TypeError for anything else; the text is not in the message, because it may hold a password
 */
export function redisOptions(url: string): RedisPlace {
  const { scheme, secret, place: where } = taken(url)
  const [isRedis, tls = '', sentinel] = /^redis(s?)(\+sentinel)?:\/\/$/.exec(scheme) ?? []
  if (isRedis === undefined || secret + where === '') {
    throw new TypeError('REDIS_URL begins with redis://, rediss:// or redis+sentinel://')
  }
  const [hosts = '', ...path] = where.split('/')
  const common = { ...credentials(secret), ...(tls ? { tls: {} } : {}) }
  if (!sentinel) {
    const [place] = hosts.split(',').map(hostAndPort(6379))
    return { ...common, ...place, db: database(path[0]), ...(tls && place ? { tls: serverName(place.host) } : {}) }
  }
  const [name = '', db] = path
  if (name === '') throw new TypeError('REDIS_URL of a Sentinel needs the name of the master: …/mymaster')
  const sentinels = hosts.split(',').map(hostAndPort(26_379))
  return {
    ...common,
    sentinels,
    name,
    db: database(db),
    ...(tls ? { enableTLSForSentinelMode: true, sentinelTLS: {} } : {}),
  }
}

/** An address is none. */
const serverName = (host: string): { servername?: string } => (isIP(host) === 0 ? { servername: host } : {})

/** The same without what nobody is to read. */
export function redisPlace(url: string): string {
  const { scheme, place } = taken(url)
  return `${scheme}${place}`
}

/** What nobody is to read of it, as it is written and as it is meant; also of one that is wrong. */
export function redisSecrets(url: string): string[] {
  const written = /^[^:]*:(.*)$/s.exec(taken(url).secret)?.[1] ?? taken(url).secret
  try {
    return [written, decodeURIComponent(written)].filter(Boolean)
  } catch {
    return [written]
  }
}

/** Everything up to the last @ is user and password: a password may be written with any character. */
function taken(url: string): { scheme: string; secret: string; place: string } {
  const [, scheme = '', rest = ''] = /^([\w+.-]*:\/\/)?(.*)$/s.exec(url) ?? []
  const at = rest.lastIndexOf('@')
  const [place = ''] = rest.slice(at + 1).split('?')
  return { scheme, secret: rest.slice(0, Math.max(0, at)), place }
}

function credentials(text: string): { username?: string; password?: string } {
  if (text === '') return {}
  const colon = text.indexOf(':')
  const [user, password] = colon < 0 ? ['', text] : [text.slice(0, colon), text.slice(colon + 1)]
  return {
    ...(user === '' ? {} : { username: decoded(user) }),
    ...(password === '' ? {} : { password: decoded(password) }),
  }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw new TypeError('REDIS_URL has a % in user or password that encodes nothing: write it as %25')
  }
}

const hostAndPort =
  (fallback: number) =>
  (text: string): { host: string; port: number } => {
    const [, bracketed, plain, port] = /^(?:\[([^\]]+)\]|([^:]*))(?::(\d+))?$/.exec(text) ?? []
    const host = bracketed ?? plain
    if (host === undefined) throw new TypeError('REDIS_URL names a host that is none')
    return { host: host || '127.0.0.1', port: port === undefined ? fallback : Number(port) }
  }

function database(text: string | undefined): number {
  const number = text ?? ''
  if (!/^\d*$/.test(number)) throw new TypeError('REDIS_URL names a database that is no number')
  return Number(number)
}
