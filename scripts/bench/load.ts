import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

/** Requests of one kind, sent over a number of connections, each as soon as the one before is answered. */
export interface Load {
  readonly name: string
  readonly connections: number
  readonly request: () => string
  /** Answered is a stream when its first event is there; then the connection is closed, and the next one opened. */
  readonly isStream?: boolean
  /** Between an answer and the next request. */
  readonly pauseMs?: number
}

export interface Spread {
  readonly name: string
  readonly count: number
  readonly perSecond: number
  readonly p50: number
  readonly p99: number
}

export const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`

export const post = (path: string, body: string): string =>
  `POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`

/** Sends all loads at once for `seconds`. Bare sockets: a client that does more would be what is measured. */
export async function sendLoads(port: number, loads: readonly Load[], seconds: number): Promise<Spread[]> {
  const endMs = performance.now() + seconds * 1000
  return await Promise.all(
    loads.map(async load => {
      const times: number[] = []
      await Promise.all(Array.from({ length: load.connections }, () => sendUntil(endMs, { port, load, times })))
      return spreadOf(load.name, times, seconds)
    }),
  )
}

/** One after the other, on one connection. */
export async function sendInTurn(port: number, load: Omit<Load, 'connections'>, count: number): Promise<number[]> {
  const connection = await Connection.open(port)
  const times: number[] = []
  for (let n = 0; n < count; n++) {
    times.push(await timed(() => connection.ask(load.request())))
    if (load.pauseMs !== undefined) await pause(load.pauseMs)
  }
  connection.close()
  return times
}

export function spreadOf(name: string, times: readonly number[], seconds: number): Spread {
  const sorted = [...times].sort((a, b) => a - b)
  const at = (part: number): number => sorted[Math.floor(part * (sorted.length - 1))] ?? Number.NaN
  return { name, count: times.length, perSecond: times.length / seconds, p50: at(0.5), p99: at(0.99) }
}

interface Sending {
  readonly port: number
  readonly load: Load
  readonly times: number[]
}

async function sendUntil(endMs: number, { port, load, times }: Sending): Promise<void> {
  let connection = await Connection.open(port)
  while (performance.now() < endMs) {
    if (load.isStream) {
      times.push(await timed(() => connection.firstEvent(load.request())))
      connection.close()
      connection = await Connection.open(port)
    } else {
      times.push(await timed(() => connection.ask(load.request())))
    }
    if (load.pauseMs !== undefined) await pause(load.pauseMs)
  }
  connection.close()
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now()
  await work()
  return performance.now() - started
}

const pause = (ms: number): Promise<void> => new Promise(resolve => setTimeout(resolve, ms))

const endOfHead = '\r\n\r\n'

/** What HTTP takes to read the replies of the servers that are measured, and no more. */
export class Connection {
  readonly #socket: Socket
  #heard = Buffer.alloc(0)
  #isEnough: (heard: Buffer) => boolean = () => false
  #answered = Promise.withResolvers<void>()

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.on('data', chunk => {
      this.#heard = Buffer.concat([this.#heard, chunk])
      if (this.#isEnough(this.#heard)) this.#answered.resolve()
    })
    const gone = (): void => this.#answered.reject(new Error(`The server hung up after ${this.#heard.length} bytes`))
    socket.on('error', gone).on('close', gone)
    this.#answered.promise.catch(() => undefined)
  }

  static async open(port: number): Promise<Connection> {
    const socket = connect(port, '127.0.0.1').setNoDelay()
    await once(socket, 'connect')
    return new Connection(socket)
  }

  /** @returns the body. @throws when the status is not 200 */
  async ask(request: string): Promise<string> {
    const heard = await this.#send(request, isWhole)
    return heard.subarray(heard.indexOf(endOfHead) + endOfHead.length).toString()
  }

  async firstEvent(request: string): Promise<void> {
    await this.#send(request, heard => heard.includes('\ndata: '))
  }

  close(): void {
    this.#socket.destroy()
  }

  async #send(request: string, isEnough: (heard: Buffer) => boolean): Promise<Buffer> {
    this.#heard = Buffer.alloc(0)
    this.#isEnough = isEnough
    this.#answered = Promise.withResolvers()
    this.#socket.write(request)
    await this.#answered.promise
    if (!this.#heard.includes('HTTP/1.1 200 ')) throw new Error(`Refused: ${this.#heard}`)
    return this.#heard
  }
}

function isWhole(heard: Buffer): boolean {
  const end = heard.indexOf(endOfHead)
  if (end < 0) return false
  const [, length] = /content-length: (\d+)/i.exec(heard.toString('latin1', 0, end)) ?? []
  return length !== undefined && heard.length >= end + endOfHead.length + Number(length)
}
