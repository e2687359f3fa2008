import http, { type IncomingMessage } from 'node:http'

/** What one kind of request took, in ms. */
export class Times {
  readonly name: string
  readonly #ms: number[] = []
  readonly #startedMs = performance.now()
  #endedMs = 0
  failed = 0

  constructor(name: string) {
    this.name = name
  }

  add(ms: number): void {
    this.#ms.push(ms)
    this.#endedMs = performance.now()
  }

  /** Requests a second, p50, p99, and how many were no success. */
  row(): readonly [name: string, perSecond: number, p50: number, p99: number, failed: number] {
    const sorted = this.#ms.sort((a, b) => a - b)
    const at = (part: number): number => sorted[Math.floor(part * (sorted.length - 1))] ?? Number.NaN
    const seconds = (this.#endedMs - this.#startedMs) / 1000
    return [this.name, sorted.length / seconds, at(0.5), at(0.99), this.failed]
  }
}

/** A client with so many connections that it keeps. */
export class Connections {
  readonly #url: URL
  readonly #agent: http.Agent
  readonly count: number

  constructor(url: string, count: number) {
    this.#url = new URL(url)
    this.count = count
    this.#agent = new http.Agent({ keepAlive: true, maxSockets: count })
  }

  /** The whole answer. */
  async ask(times: Times, method: string, path: string, body?: object): Promise<string> {
    const started = performance.now()
    const response = await this.#send(method, path, body)
    const chunks: Buffer[] = []
    for await (const chunk of response) chunks.push(chunk)
    times.add(performance.now() - started)
    if (response.statusCode !== 200) times.failed += 1
    return Buffer.concat(chunks).toString()
  }

  /** Opens a stream, and times its first byte. */
  async open(times: Times, path: string): Promise<IncomingMessage> {
    const started = performance.now()
    const response = await this.#send('GET', path)
    await new Promise(resolve => response.once('data', resolve))
    times.add(performance.now() - started)
    response.resume()
    return response
  }

  /** Each connection asks again and again until so much time has passed. */
  async busy(ms: number, ask: (n: number) => Promise<unknown>): Promise<void> {
    const end = performance.now() + ms
    const lane = async (n: number): Promise<void> => {
      while (performance.now() < end) await ask(n)
    }
    await Promise.all(Array.from({ length: this.count }, (_, n) => lane(n)))
  }

  close(): void {
    this.#agent.destroy()
  }

  async #send(method: string, path: string, body?: object): Promise<IncomingMessage> {
    const text = body === undefined ? undefined : JSON.stringify(body)
    const headers = text === undefined ? {} : { 'content-type': 'application/json' }
    return await new Promise((resolve, reject) => {
      const { hostname, port } = this.#url
      http
        .request({ hostname, port, method, path, headers, agent: this.#agent }, resolve)
        .once('error', reject)
        .end(text)
    })
  }
}
