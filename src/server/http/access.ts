import { createHash, timingSafeEqual } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import { BlockList, type Socket } from 'node:net'
import type { FastifyRequest } from 'fastify'
import { AgenticoreError } from '../../jobs/errors.ts'
import { userAtOtherEnd } from '../../util/peer-user.ts'

/** Who gets in, as CONTRACTS.md "Who gets in" has it. @throws AgenticoreError `not_authorised`, `forbidden` */
export type Access = (request: FastifyRequest) => void

/**
 * With keys: whoever has one. Without: this machine alone, and neither a proxy on it nor a page in one of its browsers,
 * which both can speak for somebody else. Agents are on this machine, too: where they are users of their own, none but our
 * own user and root is served.
 */
export const accessBy = (keys: readonly string[], how: WithoutKeys): Access =>
  keys.length > 0 ? keyHolders(keys) : thisMachine(how)

export interface WithoutKeys {
  readonly onlyOwnUser: boolean
  /** Told why a stranger was turned away. */
  closed(why: string): void
}

function keyHolders(keys: readonly string[]): Access {
  const digests = keys.map(digest)
  const isKey = (text: string): boolean => {
    const given = digest(text)
    // All of them, whichever fits: the time says nothing.
    return digests.filter(each => timingSafeEqual(each, given)).length > 0
  }
  return ({ headers, query }) => {
    const given = keysIn(headers)
    if (given.some(isKey)) return
    const why = given.length > 0 ? 'The API key is wrong.' : `The request has no API key.${hintFor(query)}`
    throw new AgenticoreError('not_authorised', why)
  }
}

const digest = (text: string): Buffer => createHash('sha256').update(text).digest()

function keysIn(headers: IncomingHttpHeaders): string[] {
  const named = headers['x-api-key']
  const [, bearer] = /^Bearer +(.+)$/i.exec(headers.authorization ?? '') ?? []
  return [named, bearer].flatMap(each => (each === undefined || each === '' ? [] : each))
}

const hintFor = (query: unknown): string =>
  typeof query === 'object' && query !== null && 'api_key' in query
    ? ' It is not taken from the address, which others write down: send it as X-API-Key or Authorization: Bearer.'
    : ''

const loopback = new BlockList()
loopback.addSubnet('127.0.0.0', 8)
loopback.addAddress('::1', 'ipv6')

const forwarding =
  /^(forwarded|via|x-(original-)?forwarded(-.*)?|x-original-host|x-envoy-external-address|(.+-)?(client|real|connecting|remote|socket|(proxy)?user)-?ip)$/

function thisMachine({ onlyOwnUser, closed }: WithoutKeys): Access {
  const known = new WeakSet<Socket>()
  return ({ socket, headers }) => {
    const { remoteAddress: peer } = socket
    // Gone before anybody could look: that is nothing to tell.
    if (peer === undefined) throw refused('who sent the request has gone')
    const isStranger = onlyOwnUser && isLoopback(peer) && !isOwnUser(socket, known)
    const why = isStranger ? 'the request came from another user' : whyStrange(peer, headers)
    if (why === undefined) return
    closed(why)
    throw refused(why)
  }
}

const refused = (why: string): AgenticoreError =>
  new AgenticoreError('forbidden', `This server has no API keys and serves its own machine alone; ${why}.`)

/** Looked up once a connection. */
function isOwnUser(socket: Socket, known: WeakSet<Socket>): boolean {
  if (known.has(socket)) return true
  const user = userAtOtherEnd(socket)
  const isOurs = user !== undefined && [0, process.getuid?.()].includes(user)
  if (isOurs) known.add(socket)
  return isOurs
}

function whyStrange(peer: string, headers: IncomingHttpHeaders): string | undefined {
  if (!isLoopback(peer)) return 'the request came from another one'
  const forwarded = Object.keys(headers).find(name => forwarding.test(name))
  if (forwarded !== undefined) return `the request was passed on by a proxy (${forwarded})`
  if (!isLocalHost(headers.host ?? '')) return 'its Host header names another one'
  const { origin } = headers
  if (origin !== undefined && !isLocalName(hostOf(origin))) return 'it was sent by a page of another one (Origin)'
  return headers['sec-fetch-site'] === 'cross-site'
    ? 'it was sent by a page of another one (Sec-Fetch-Site)'
    : undefined
}

/** Read as strictly as nobody else may read it: a URL ends its host at the first slash of any kind. */
const isLocalHost = (header: string): boolean =>
  /^(\[[\da-f:.]+\]|[\w.-]+)(:\d+)?$/i.test(header) && isLocalName(hostOf(`http://${header}`))

const hostOf = (address: string): string => URL.parse(address)?.hostname.replace(/^\[|\]$/g, '') ?? ''

const isLocalName = (name: string): boolean => name === 'localhost' || isLoopback(name)

function isLoopback(address: string): boolean {
  const plain = address.replace(/^::ffff:(?=\d+\.)/i, '')
  return loopback.check(plain, plain.includes(':') ? 'ipv6' : 'ipv4')
}
