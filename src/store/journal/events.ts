import { appendFile } from 'node:fs/promises'
import { decodeEvent, encodeEvent } from '../../jobs/event-record.ts'
import type { JobEvent, JobEventBody } from '../../jobs/events.ts'
import type { JobId } from '../../jobs/job.ts'
import type { EventLog, Lease, ReadEvents } from '../../jobs/ports.ts'
import type { Clock } from '../../util/clock.ts'
import { withPath } from '../../util/durable.ts'
import { type Redact, redactDeep } from '../../util/redact.ts'
import { fencesOf } from './fences.ts'
import { JournalLayout } from './layout.ts'
import { TailReader } from './tail.ts'

const pollMs = 100

/** `events.ndjson` in each attempt's directory: the truth about what happened, one event a line. */
export class FileEventLog implements EventLog {
  readonly #layout: JournalLayout
  readonly #clock: Clock
  readonly #redact: Redact
  /** The attempts this process writes. */
  readonly #writers = new Map<string, Promise<Writer>>()

  constructor(root: string, options: { clock: Clock; redact: Redact }) {
    this.#layout = new JournalLayout(root)
    this.#clock = options.clock
    this.#redact = options.redact
  }

  async append(lease: Lease, body: JobEventBody): Promise<JobEvent> {
    const path = this.#layout.attemptFile(lease.job.id, lease.fence, 'events.ndjson')
    const opening = this.#writers.get(path) ?? openWriter(path)
    this.#writers.set(path, opening)
    try {
      const writer = await opening
      writer.seq += 1
      const id = `${lease.fence}-${writer.seq}`
      const event: JobEvent = { id, at: this.#clock.now().toISOString(), ...redactDeep(body, this.#redact) }
      writer.last = writer.last.then(() => appendFile(path, `${encodeEvent(event)}\n`, { mode: 0o600 }))
      await writer.last
      if (body.type === 'outcome' || body.type === 'released') this.#forget(path, opening)
      return event
    } catch (error) {
      // Half a line may be there, or the file was not to be had: the next event begins with a new look at it.
      this.#forget(path, opening)
      throw withPath(error, path)
    }
  }

  /** Of several events that failed with one writer, the later ones leave its successor alone. */
  #forget(path: string, writer: Promise<Writer>): void {
    if (this.#writers.get(path) === writer) this.#writers.delete(path)
  }

  async *read(id: JobId, options: ReadEvents = {}): AsyncGenerator<JobEvent> {
    if (options.follow) yield* this.#follow(id, options.follow)
    else yield* this.#attempts(id, new Map())
  }

  async *#follow(id: JobId, { ended, signal }: NonNullable<ReadEvents['follow']>): AsyncGenerator<JobEvent> {
    const readers = new Map<number, TailReader>()
    while (!signal.aborted) {
      // Asked first: whatever was written before the end is then read below.
      const last = await ended()
      yield* this.#attempts(id, readers)
      if (last) return
      await this.#pause(signal)
    }
  }

  async #pause(signal: AbortSignal): Promise<void> {
    try {
      await this.#clock.sleep(pollMs, signal)
    } catch (error) {
      if (!signal.aborted) throw error
    }
  }

  /** What is new in every attempt since `readers` last looked. */
  async *#attempts(id: JobId, readers: Map<number, TailReader>): AsyncGenerator<JobEvent> {
    for (const fence of await fencesOf(this.#layout.attempts(id))) {
      const path = this.#layout.attemptFile(id, fence, 'events.ndjson')
      const reader = readers.get(fence) ?? new TailReader(path)
      readers.set(fence, reader)
      for await (const line of reader.lines()) {
        const event = decodeEvent(line)
        if (event) yield event
      }
    }
  }
}

interface Writer {
  /** Of the last event. */
  seq: number
  last: Promise<void>
}

/** Goes on where somebody else stopped: a process that died may have left half a line. */
async function openWriter(path: string): Promise<Writer> {
  const reader = new TailReader(path)
  let seq = 0
  for await (const line of reader.lines()) seq = seqOf(decodeEvent(line)) ?? seq
  if (reader.rest !== '') await appendFile(path, '\n')
  return { seq, last: Promise.resolve() }
}

const seqOf = (event: JobEvent | undefined): number | undefined => event && Number(event.id.split('-')[1])
