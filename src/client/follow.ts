import { createParser } from 'eventsource-parser'
import { AgenticoreError, eventFromWire, fromWire, type Job, type JobEvent } from '../api/wire.ts'
import { backoffMs } from '../util/backoff.ts'
import { pause } from '../util/clock.ts'
import { messageOf } from '../util/error-code.ts'
import type { HttpClient } from './http.ts'

const reconnect = { baseMs: 200, maxMs: 5000 }
/** How long a server may be away. */
const patienceMs = 600_000

export interface Following {
  readonly signal: AbortSignal
  readonly after?: string
  /** Told once when the stream breaks off, and once when it is there again. */
  trouble?(what: string | undefined): void
  /** Told of the job as it ended, where the stream says it. */
  ended?(job: Job): void
}

/**
 * The events of a job until it has ended, over as many connections as that takes: each goes on after the last event that
 * arrived, so none is lost and none comes twice.
 * @throws AgenticoreError `server_unreachable` when the server is away for ten minutes
 */
export async function* followJob(http: HttpClient, part: string, options: Following): AsyncGenerator<JobEvent> {
  const { signal } = options
  const patience = new Patience(http, options.trouble)
  const place: Place = { after: options.after }
  while (!signal.aborted) {
    try {
      const end = yield* eventsAfter(place, messages(http, part, place.after, signal), patience)
      if (end?.data !== undefined) options.ended?.(jobIn(end.data, http.url))
      if (end) return
      patience.failed(new AgenticoreError('server_unreachable', `${http.url} closed the stream.`))
    } catch (error) {
      if (!signal.aborted) patience.failed(error)
    }
    await patience.pause(signal)
  }
}

interface Place {
  /** The event that came last. */
  after: string | undefined
}

/** What one connection brings. @returns the last message of a job that has ended */
async function* eventsAfter(
  place: Place,
  messages: AsyncIterable<Message>,
  patience: Patience,
): AsyncGenerator<JobEvent, Message | undefined> {
  for await (const message of messages) {
    patience.heard()
    if (message.event === 'end') return message
    place.after = message.id ?? place.after
    const event = eventFromWire(message.data ?? '')
    if (event) yield event
  }
  return undefined
}

/** How a server that breaks off is waited for. */
class Patience {
  readonly #http: HttpClient
  readonly #trouble: Following['trouble']
  #failures = 0
  #heardMs: number

  constructor(http: HttpClient, trouble: Following['trouble']) {
    this.#http = http
    this.#trouble = trouble
    this.#heardMs = http.clock.monotonicMs()
  }

  heard(): void {
    if (this.#failures > 0) this.#trouble?.(undefined)
    this.#failures = 0
    this.#heardMs = this.#http.clock.monotonicMs()
  }

  /** @throws what it was told, when that will not pass, or has lasted too long */
  failed(error: unknown): void {
    if (!isPassing(error) || this.#http.clock.monotonicMs() - this.#heardMs > patienceMs) throw error
    if (this.#failures === 0) this.#trouble?.(messageOf(error))
    this.#failures += 1
  }

  async pause(signal: AbortSignal): Promise<void> {
    const { clock } = this.#http
    await pause(clock, backoffMs(this.#failures - 1, reconnect, this.#http.random()), signal)
  }
}

const isPassing = (error: unknown): boolean =>
  error instanceof AgenticoreError && ['server_unreachable', 'server_failed', 'not_ready'].includes(error.code)

function jobIn(data: string, url: string): Job {
  try {
    return fromWire(JSON.parse(data), url)
  } catch (error) {
    throw new AgenticoreError('server_failed', `What ${url} says of the end is no job: ${messageOf(error)}`)
  }
}

interface Message {
  readonly event?: string | undefined
  readonly id?: string | undefined
  readonly data?: string
}

/** One connection, to its end; an empty one says that the server is there. */
async function* messages(
  http: HttpClient,
  part: string,
  after: string | undefined,
  signal: AbortSignal,
): AsyncGenerator<Message> {
  const response = await http.open({
    method: 'GET',
    path: `/jobs/${encodeURIComponent(part)}/events`,
    headers: { accept: 'text/event-stream', ...(after === undefined ? {} : { 'last-event-id': after }) },
    signal,
    repeatable: false,
  })
  // There is nothing after that one.
  if (response.statusCode === 204) yield { event: 'end' }
  yield {}
  const arrived: Message[] = []
  const parser = createParser({ onEvent: ({ event, id, data }) => void arrived.push({ event, id, data }) })
  for await (const chunk of http.chunks(response)) {
    parser.feed(chunk)
    yield* arrived.splice(0)
  }
}
