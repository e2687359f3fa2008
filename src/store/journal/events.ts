import { appendFile } from 'node:fs/promises'
import { decodeEvent, encodeEvent } from '../../jobs/event-record.ts'
import type { JobEvent, JobEventBody } from '../../jobs/events.ts'
import type { JobId } from '../../jobs/job.ts'
import type { EventLog, Lease, ReadEvents } from '../../jobs/ports.ts'
import type { Clock } from '../../util/clock.ts'
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
  /** The last write of each attempt this process holds, and how many events it has. */
  readonly #writers = new Map<string, { seq: number; last: Promise<void> }>()

  constructor(root: string, options: { clock: Clock; redact: Redact }) {
    this.#layout = new JournalLayout(root)
    this.#clock = options.clock
    this.#redact = options.redact
  }

  async append(lease: Lease, body: JobEventBody): Promise<JobEvent> {
    const path = this.#layout.attemptFile(lease.job.id, lease.fence, 'events.ndjson')
    const writer = this.#writers.get(path) ?? { seq: 0, last: Promise.resolve() }
    this.#writers.set(path, writer)
    writer.seq += 1
    const id = `${lease.fence}-${writer.seq}`
    const event: JobEvent = { id, at: this.#clock.now().toISOString(), ...redactDeep(body, this.#redact) }
    writer.last = writer.last.then(() => appendFile(path, `${encodeEvent(event)}\n`, { mode: 0o600 }))
    await writer.last
    if (body.type === 'outcome' || body.type === 'released') this.#writers.delete(path)
    return event
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
