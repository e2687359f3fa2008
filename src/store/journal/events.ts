import { appendFile } from 'node:fs/promises'
import { Changes } from '../../jobs/changes.ts'
import { decodeEvent, encodeEvent } from '../../jobs/event-record.ts'
import type { JobEvent, JobEventBody } from '../../jobs/events.ts'
import type { JobId } from '../../jobs/job.ts'
import type { EventLog, Lease, ReadEvents } from '../../jobs/ports.ts'
import { type Clock, pause } from '../../util/clock.ts'
import { withPath } from '../../util/durable.ts'
import { type Redact, redactDeep } from '../../util/redact.ts'
import { Glance, RootGlance } from './glance.ts'
import { JournalLayout } from './layout.ts'
import { Reading, seqOf } from './reading.ts'
import { TailReader } from './tail.ts'

export interface EventLogOptions {
  readonly clock: Clock
  readonly redact: Redact
  /** What this process does to jobs: told, and listened to. */
  readonly changes?: Changes
  /** How soon what other processes write is seen. */
  readonly pollMs?: number
}

const pollMs = 100
/** Before a job that nothing has happened to is looked at all the same. */
const mostGlances = 30

/** `events.ndjson` in each attempt's directory: the truth about what happened, one event a line. */
export class FileEventLog implements EventLog {
  readonly #layout: JournalLayout
  readonly #clock: Clock
  readonly #redact: Redact
  readonly #changes: Changes
  readonly #pollMs: number
  readonly #root: RootGlance
  /** The attempts this process writes. */
  readonly #writers = new Map<string, Promise<Writer>>()

  constructor(root: string, options: EventLogOptions) {
    this.#layout = new JournalLayout(root)
    this.#clock = options.clock
    this.#redact = options.redact
    this.#changes = options.changes ?? new Changes()
    this.#pollMs = options.pollMs ?? pollMs
    this.#root = new RootGlance(root, { clock: this.#clock, goodForMs: this.#pollMs / 2 })
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
      this.#changes.tell(lease.job.id, 'event')
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

  async *read(id: JobId, { follow, after }: ReadEvents = {}): AsyncGenerator<JobEvent> {
    const reading = new Reading(this.#layout, id, after)
    if (follow) yield* this.#follow(reading, follow)
    else yield* reading.news()
  }

  async *#follow(reading: Reading, { ended, signal }: NonNullable<ReadEvents['follow']>): AsyncGenerator<JobEvent> {
    const glance = new Glance(this.#layout, reading.id, this.#root)
    let bell = new AbortController()
    const stop = this.#changes.listen(id => id === reading.id && bell.abort())
    try {
      while (!signal.aborted) {
        bell = new AbortController()
        await glance.isOther(reading.latest)
        // Asked first: whatever was written before the end is then read below.
        const last = await ended()
        yield* reading.news()
        if (last) return
        await this.#untilNews(() => glance.isOther(reading.latest), AbortSignal.any([signal, bell.signal]))
      }
    } finally {
      stop()
    }
  }

  /** Also over after a while without any: a job that is not to start any more ends when somebody asks for it. */
  async #untilNews(isThere: () => Promise<boolean>, signal: AbortSignal): Promise<void> {
    for (let glances = 0; glances < mostGlances && !signal.aborted; glances++) {
      await pause(this.#clock, this.#pollMs, signal)
      if (signal.aborted || (await isThere())) return
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
