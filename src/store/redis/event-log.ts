import type { Changes } from '../../jobs/changes.ts'
import { decodeEvent, encodeEvent } from '../../jobs/event-record.ts'
import type { JobEvent, JobEventBody } from '../../jobs/events.ts'
import type { JobId } from '../../jobs/job.ts'
import type { EventLog, Lease, ReadEvents } from '../../jobs/ports.ts'
import type { Clock } from '../../util/clock.ts'
import { texts } from './replies.ts'
import type { Scripts } from './scripts.ts'

export interface RedisEventLogParts {
  /** The truth: on a volume that pods share, what another one has written can be late there. */
  readonly files: EventLog
  readonly scripts: Scripts
  /** False while Redis is known to be away. */
  isUp(): boolean
  readonly clock: Clock
  /** Says what any pod does to jobs, as long as somebody follows. */
  readonly changes: Changes
  /** Resolves when it does. @returns ends it */
  follow(): Promise<() => void>
  readonly pollMs: number
}

/** Events on their way to Redis; it is slow when there are more, and what is left out is in the file. */
const mostUntold = 1000

/**
 * The files are the truth; a stream in Redis brings what happens to readers on other pods at once. It has the same ids:
 * a reader that finds one missing in between goes to the file.
 */
export class RedisEventLog implements EventLog {
  readonly #parts: RedisEventLogParts
  #untold = 0

  constructor(parts: RedisEventLogParts) {
    this.#parts = parts
  }

  async append(lease: Lease, body: JobEventBody): Promise<JobEvent> {
    const event = await this.#parts.files.append(lease, body)
    this.#tell(lease.job.id, event)
    return event
  }

  /** The agent does not wait for it: it is written, and who is not told now finds it in the file. */
  #tell(id: JobId, event: JobEvent): void {
    const { scripts, isUp } = this.#parts
    if (!isUp() || this.#untold >= mostUntold) return
    this.#untold += 1
    // One connection keeps the order; one that comes too late is left out there.
    scripts
      .run('event', id, event.id, encodeEvent(event))
      .catch(() => undefined)
      .finally(() => {
        this.#untold -= 1
      })
  }

  async *read(id: JobId, { follow, after }: ReadEvents = {}): AsyncGenerator<JobEvent> {
    if (!follow) return yield* this.#parts.files.read(id, after === undefined ? {} : { after })
    const tail = new Tail(after)
    const stop = await this.#parts.follow()
    const bell = new Bell(this.#parts, id)
    try {
      while (!follow.signal.aborted) {
        bell.reset()
        // Asked first: whatever was said before the end is then read below.
        const isOver = await follow.ended()
        yield* this.#live(id, tail)
        if (isOver) return
        await bell.rung(follow.signal)
      }
    } finally {
      bell.stop()
      stop()
    }
  }

  /** What is new in the stream, and in the file what the stream does not have. */
  async *#live(id: JobId, tail: Tail): AsyncGenerator<JobEvent> {
    const { files, scripts } = this.#parts
    const news = await scripts.run('events', id, tail.last ?? '').then(texts, () => [])
    for (const line of news) {
      const event = decodeEvent(line)
      if (!event || !tail.isNext(event)) break
      tail.advance(event)
      yield event
    }
    for await (const event of files.read(id, tail.last === undefined ? {} : { after: tail.last })) {
      tail.advance(event)
      yield event
    }
  }
}

/** How far a reader has come. */
class Tail {
  #last: string | undefined

  constructor(after: string | undefined) {
    this.#last = after
  }

  get last(): string | undefined {
    return this.#last
  }

  /** Nothing is missing in between: the next one of the same attempt. */
  isNext({ id }: JobEvent): boolean {
    const [fence, seq] = placeOf(id)
    const [lastFence, lastSeq] = placeOf(this.#last ?? '0-0')
    return fence === lastFence && seq === lastSeq + 1
  }

  advance({ id }: JobEvent): void {
    this.#last = id
  }
}

const placeOf = (id: string): [number, number] => {
  const [fence, seq] = id.split('-')
  return [Number(fence), Number(seq)]
}

/** Rings when something happens to the job, or when it is time to look all the same. */
class Bell {
  readonly #parts: RedisEventLogParts
  readonly stop: () => void
  #rung = new AbortController()

  constructor(parts: RedisEventLogParts, id: JobId) {
    this.#parts = parts
    this.stop = parts.changes.listen(changed => changed === id && this.#rung.abort())
  }

  reset(): void {
    this.#rung = new AbortController()
  }

  async rung(signal: AbortSignal): Promise<void> {
    const either = AbortSignal.any([signal, this.#rung.signal])
    await this.#parts.clock.sleep(this.#parts.pollMs, either).catch(() => undefined)
  }
}
