import { AgenticoreError } from '../../jobs/errors.ts'
import { decodeEvent } from '../../jobs/event-record.ts'
import type { JobEvent } from '../../jobs/events.ts'
import type { JobId } from '../../jobs/job.ts'
import { fencesOf } from './fences.ts'
import type { JournalLayout } from './layout.ts'
import { TailReader } from './tail.ts'

/** Where an event stands: its attempt, and its number there. */
interface Place {
  readonly fence: number
  readonly seq: number
}

/** One reader's way through the events of a job, attempt after attempt; there is no way back to an earlier one. */
export class Reading {
  readonly id: JobId
  readonly #layout: JournalLayout
  readonly #readers = new Map<number, TailReader>()
  #last: Place
  #latest = 0

  /** @throws AgenticoreError `invalid_request` for an `after` that is no id of an event */
  constructor(layout: JournalLayout, id: JobId, after?: string) {
    this.id = id
    this.#layout = layout
    this.#last = after === undefined ? { fence: 0, seq: 0 } : placeOf(after)
  }

  /** The fence of the latest attempt that was there; 0 before the first. */
  get latest(): number {
    return this.#latest
  }

  /** What has been written since the last time. */
  async *news(): AsyncGenerator<JobEvent> {
    for (const fence of await fencesOf(this.#layout.attempts(this.id))) {
      this.#latest = fence
      if (fence < this.#last.fence) continue
      for await (const line of this.#readerOf(fence).lines()) {
        const event = decodeEvent(line)
        const seq = seqOf(event) ?? 0
        if (!event || !this.#isAhead({ fence, seq })) continue
        this.#last = { fence, seq }
        yield event
      }
    }
  }

  #isAhead({ fence, seq }: Place): boolean {
    const { fence: lastFence, seq: lastSeq } = this.#last
    return fence > lastFence || (fence === lastFence && seq > lastSeq)
  }

  #readerOf(fence: number): TailReader {
    const reader = this.#readers.get(fence) ?? new TailReader(this.#layout.attemptFile(this.id, fence, 'events.ndjson'))
    this.#readers.set(fence, reader)
    return reader
  }
}

export const seqOf = (event: JobEvent | undefined): number | undefined => event && Number(event.id.split('-')[1])

function placeOf(id: string): Place {
  const [, fence, seq] = /^(\d{1,15})-(\d{1,15})$/.exec(id) ?? []
  if (fence !== undefined && seq !== undefined) return { fence: Number(fence), seq: Number(seq) }
  throw new AgenticoreError('invalid_request', `${JSON.stringify(id.slice(0, 100))} is not the id of an event.`)
}
