import { request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import type { RepositoryAddress } from '../jobs/repository.ts'

/** For the next byte, and for all of it: an origin may send a little now and then for ever. */
const patienceMs = 20_000
const longestMs = 30_000
const longestAnswer = 1024 * 1024

export interface LsRefs {
  /** Full names, and `HEAD`. */
  readonly names: readonly string[]
  /** The value of the Authorization header. */
  readonly authorization: string | undefined
  readonly signal: AbortSignal
}

/** A row as `git ls-remote --symref` prints it: what, and its name. */
export type RefRow = readonly [what: string, name: string]

/**
 * Asks an origin for refs by HTTP, without starting git: one request of protocol version 2 (gitprotocol-v2(5), `ls-refs`).
 * @returns undefined for anything but a plain answer: git is to be asked then, which knows more ways and says why not
 */
export async function lsRefs(remote: RepositoryAddress, { names, ...call }: LsRefs): Promise<RefRow[] | undefined> {
  const prefixes = names.map(name => packet(`ref-prefix ${name}\n`))
  const body = [packet('command=ls-refs\n'), '0001', packet('peel\n'), packet('symrefs\n'), ...prefixes, '0000'].join(
    '',
  )
  const answer = await post(`${remote.url.replace(/\/+$/, '')}/git-upload-pack`, body, call)
  const lines = answer && packetsIn(answer)
  return lines?.flatMap(rowsOf)
}

const packet = (line: string): string => `${(Buffer.byteLength(line) + 4).toString(16).padStart(4, '0')}${line}`

/** Undefined when it is not a whole list of packets that ends with a flush. */
function packetsIn(answer: Buffer): string[] | undefined {
  const lines: string[] = []
  let at = 0
  for (;;) {
    const header = answer.toString('latin1', at, at + 4)
    if (header === '0000') return at + 4 === answer.length ? lines : undefined
    const length = /^[0-9a-f]{4}$/.test(header) ? Number.parseInt(header, 16) : 0
    if (length < 5 || at + length > answer.length) return undefined
    const line = answer.toString('utf8', at + 4, at + length).replace(/\n$/, '')
    if (line.startsWith('ERR ')) return undefined
    lines.push(line)
    at += length
  }
}

function rowsOf(line: string): RefRow[] {
  const [id = '', name = '', ...attributes] = line.split(' ')
  const given = (key: string): string | undefined =>
    attributes.find(attribute => attribute.startsWith(`${key}:`))?.slice(key.length + 1)
  const [target, peeled] = [given('symref-target'), given('peeled')]
  return [
    ...(target === undefined ? [] : ([[`ref: ${target}`, name]] as const)),
    [id, name],
    ...(peeled === undefined ? [] : ([[peeled, `${name}^{}`]] as const)),
  ]
}

/** The body of a 200; undefined for every other answer, and for none. Rejects only when the signal aborts. */
async function post(
  url: string,
  body: string,
  { authorization, signal }: Omit<LsRefs, 'names'>,
): Promise<Buffer | undefined> {
  signal.throwIfAborted()
  const patience = AbortSignal.any([signal, AbortSignal.timeout(longestMs)])
  const headers = {
    'content-type': 'application/x-git-upload-pack-request',
    accept: 'application/x-git-upload-pack-result',
    'git-protocol': 'version=2',
    'user-agent': 'git/agenticore',
    ...(authorization === undefined ? {} : { authorization }),
  }
  const send = url.startsWith('https:') ? httpsRequest : httpRequest
  const { promise, resolve } = Promise.withResolvers<Buffer | undefined>()
  const nothing = (): void => resolve(undefined)
  const call = send(url, { method: 'POST', headers, agent: false, timeout: patienceMs, signal: patience })
  call.on('timeout', () => call.destroy())
  call.on('error', nothing)
  call.on('response', response => {
    const chunks: Buffer[] = []
    let bytes = 0
    response.on('data', (chunk: Buffer) => {
      bytes += chunk.length
      chunks.push(chunk)
      if (bytes > longestAnswer) response.destroy()
    })
    response.on('end', () => resolve(response.statusCode === 200 ? Buffer.concat(chunks) : undefined))
    response.on('close', nothing)
    response.on('error', nothing)
  })
  call.end(body)
  const answer = await promise
  signal.throwIfAborted()
  return answer
}
