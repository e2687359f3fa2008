import http, { type IncomingMessage } from 'node:http'
import https from 'node:https'
import { AgenticoreError, isErrorCode } from '../api/wire.ts'
import { backoffMs } from '../util/backoff.ts'
import type { Clock } from '../util/clock.ts'
import { hasCode, messageOf } from '../util/error-code.ts'
import type { ServerAddress } from './address.ts'

/** For the first byte of an answer. */
const answerMs = 60_000
/** In the middle of an answer; where nothing happens, a server sends something every 15 s. */
const silenceMs = 45_000
const tries = 5
const betweenTries = { baseMs: 200, maxMs: 5000 }
/** Too many requests; a proxy has no answer of its server; not now. */
const passing: readonly number[] = [429, 502, 503, 504]

export interface HttpRequest {
  readonly method: 'GET' | 'POST' | 'DELETE'
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: object
  readonly signal?: AbortSignal
  /** Whether sending it twice does what sending it once does, and this is where it is to be sent again. */
  readonly repeatable: boolean
  /** What its sender can do when it may have been done and the answer did not come. */
  readonly ifUnanswered?: string
  /** How long to wait for an answer, if not as usual. */
  readonly timeoutMs?: number
}

export interface HttpParts {
  readonly address: ServerAddress
  readonly clock: Clock
  /** In [0, 1). */
  random(): number
}

/** Talks to one server. Every failure names it. */
export class HttpClient {
  readonly #parts: HttpParts
  readonly #agent: http.Agent

  constructor(parts: HttpParts) {
    this.#parts = parts
    const { Agent } = this.#isSecure ? https : http
    this.#agent = new Agent({ keepAlive: true })
  }

  get url(): string {
    return this.#parts.address.url
  }

  get clock(): Clock {
    return this.#parts.clock
  }

  /** In [0, 1). */
  random(): number {
    return this.#parts.random()
  }

  close(): void {
    this.#agent.destroy()
  }

  /**
   * @returns the body of a success
   * @throws AgenticoreError what the server says; `server_unreachable`; `unanswered` when it may have been done all the
   * same; `server_failed` for an answer that is none of ours
   */
  async json(request: HttpRequest): Promise<object> {
    return await this.#patiently(request, async () => {
      const response = await this.#once(request)
      return this.#parse(await this.#bodyOf(response), response.statusCode ?? 0)
    })
  }

  /** The answer, its body still to come; not for a status that says no. */
  async open(request: HttpRequest): Promise<IncomingMessage> {
    return await this.#patiently(request, () => this.#once(request))
  }

  async #patiently<T>(request: HttpRequest, attempt: () => Promise<T>): Promise<T> {
    const { clock, random } = this.#parts
    let wasThere = false
    let mayBeDone = false
    for (let failures = 0; ; failures++) {
      try {
        return await attempt()
      } catch (error) {
        wasThere ||= !isNobody(error)
        mayBeDone ||= isOpen(error)
        if (failures + 1 >= tries || !isWorthAnother(error, request, wasThere)) {
          throw this.#givenUp(error, request, mayBeDone)
        }
        const waitMs = error instanceof TryLater ? error.waitMs : backoffMs(failures, betweenTries, random())
        await clock.sleep(waitMs, request.signal)
      }
    }
  }

  /**
   * What an answer says, as it comes.
   * @throws AgenticoreError `server_unreachable` when it breaks off, or nothing more is heard
   */
  async *chunks(response: IncomingMessage): AsyncGenerator<string> {
    let silence = this.#silence(response)
    try {
      for await (const chunk of response.setEncoding('utf8')) {
        silence.stop()
        yield String(chunk)
        silence = this.#silence(response)
      }
    } catch (error) {
      const message = `${this.url} broke off in the middle of its answer: ${messageOf(error)}.`
      throw new AgenticoreError('server_unreachable', message, { cause: error })
    } finally {
      silence.stop()
    }
  }

  #silence(response: IncomingMessage): { stop(): void } {
    const deadline = this.clock.deadline(silenceMs, new Silence(`nothing was heard for ${silenceMs / 1000} s`))
    deadline.signal.addEventListener('abort', () => response.destroy(deadline.signal.reason), { once: true })
    return deadline
  }

  async #once(request: HttpRequest): Promise<IncomingMessage> {
    const response = await this.#send(request)
    const { statusCode = 0, headers } = response
    if (statusCode < 300) return response
    const refusal = this.#refusal(await this.#bodyOf(response), statusCode)
    if (passing.includes(statusCode)) throw new TryLater(refusal, headers['retry-after'])
    throw refusal
  }

  async #send({ method, path, headers, body, signal, timeoutMs = answerMs }: HttpRequest): Promise<IncomingMessage> {
    const { apiKey } = this.#parts.address
    const sent = body === undefined ? undefined : JSON.stringify(body)
    return await new Promise((resolve, reject) => {
      const request = (this.#isSecure ? https : http).request(`${this.url}${path}`, {
        method,
        agent: this.#agent,
        headers: {
          accept: 'application/json',
          ...(apiKey === '' ? {} : { 'x-api-key': apiKey }),
          ...(sent === undefined
            ? {}
            : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(sent) }),
          ...headers,
        },
        ...(signal ? { signal } : {}),
      })
      const late = (): void => void request.destroy(new Error(`no answer within ${timeoutMs / 1000} s`))
      request.setTimeout(timeoutMs, late)
      let isSent = false
      request.once('finish', () => {
        isSent = true
      })
      request.once('error', error => reject(isSent ? new Unanswered(error) : error))
      request.once('response', response => {
        request.off('timeout', late).setTimeout(0)
        resolve(response)
      })
      request.end(sent)
    })
  }

  async #bodyOf(response: IncomingMessage): Promise<string> {
    try {
      let body = ''
      for await (const chunk of this.chunks(response)) body += chunk
      return body
    } catch (error) {
      throw new Unanswered(error)
    }
  }

  #parse(body: string, status: number): object {
    const value = parsed(body)
    if (value !== undefined) return value
    throw new AgenticoreError('server_failed', `${this.url} answered ${status}, and no JSON: ${body.slice(0, 200)}`)
  }

  #refusal(body: string, status: number): AgenticoreError {
    const { error, code, remedy } = { error: undefined, code: undefined, remedy: undefined, ...parsed(body) }
    if (typeof error !== 'string' || typeof code !== 'string' || !isErrorCode(code)) {
      return new AgenticoreError('server_failed', `${this.url} answered ${status}: ${body.slice(0, 200) || 'nothing'}`)
    }
    const how = typeof remedy === 'string' ? { remedy } : {}
    return new AgenticoreError(code, `${this.url} says: ${error}`, how)
  }

  #givenUp(error: unknown, { signal, ifUnanswered: remedy }: HttpRequest, mayBeDone: boolean): unknown {
    if (error instanceof AgenticoreError || signal?.aborted) return error
    if (mayBeDone && remedy !== undefined) {
      const message = `${this.url} may have done what it was asked, and its answer did not come: ${reason(error)}.`
      return new AgenticoreError('unanswered', message.replace(/\.\.$/, '.'), { cause: error, remedy })
    }
    if (error instanceof TryLater) return error.refusal
    const said = error instanceof Unanswered && error.cause instanceof AgenticoreError ? error.message : undefined
    const message = said ?? `No agenticore server answers at ${this.url}: ${reason(error)}.`
    return new AgenticoreError('server_unreachable', message, { cause: error })
  }

  get #isSecure(): boolean {
    return this.url.startsWith('https:')
  }
}

/** The server is there, and cannot do it now. */
class TryLater extends Error {
  readonly refusal: AgenticoreError
  readonly waitMs: number

  constructor(refusal: AgenticoreError, retryAfter: string | undefined) {
    super(refusal.message)
    this.refusal = refusal
    this.waitMs = Math.min(betweenTries.maxMs, Number(retryAfter ?? 1) * 1000 || 1000)
  }
}

/** It was sent, and what came of it was not heard. */
class Unanswered extends Error {
  /** Waited for long enough already. */
  readonly isSilence: boolean

  constructor(cause: unknown) {
    super(messageOf(cause), { cause })
    this.isSilence = cause instanceof Error && cause.cause instanceof Silence
  }
}

class Silence extends Error {}

/** Whether somebody was there who took the request that failed so. */
export const wasTaken = ({ code, cause }: AgenticoreError): boolean =>
  code === 'server_failed' || cause instanceof Unanswered

/** Nobody listens. */
const isNobody = (error: unknown): boolean => hasCode(error, 'ECONNREFUSED', 'ENOTFOUND')

/** Whether it may have been done: a proxy says no also when it has passed it on and heard nothing. */
const isOpen = (error: unknown): boolean =>
  error instanceof Unanswered ||
  (error instanceof TryLater && ['server_failed', 'store_unavailable'].includes(error.refusal.code))

/** @param wasThere somebody listened a moment ago, and may again in another */
function isWorthAnother(error: unknown, { repeatable, signal }: HttpRequest, wasThere: boolean): boolean {
  if (!repeatable || signal?.aborted || error instanceof AgenticoreError) return false
  if (error instanceof TryLater) return error.refusal.code !== 'queue_full'
  if (error instanceof Unanswered && error.isSilence) return false
  return wasThere || !isNobody(error)
}

function parsed(body: string): object | undefined {
  try {
    const value: unknown = JSON.parse(body)
    return typeof value === 'object' && value !== null ? value : undefined
  } catch {
    return undefined
  }
}

const reason = (error: unknown): string => (hasCode(error, 'ECONNREFUSED') ? 'connection refused' : messageOf(error))
