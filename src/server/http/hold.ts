import type { Readable } from 'node:stream'
import { isFinal, type Job } from '../../jobs/job.ts'
import type { JobService } from '../../jobs/service.ts'
import type { Clock } from '../../util/clock.ts'
import { throwIfClosing } from './closing.ts'
import { aliveEveryMs, bodyOf, pauses } from './streams.ts'

interface HoldingParts {
  readonly service: Pick<JobService, 'events' | 'get'>
  readonly clock: Clock
  readonly closing: AbortSignal
}

interface Holding {
  /** Aborts when nobody listens any more. */
  readonly heard: AbortSignal
  envelope(job: Job): object
}

/**
 * The reply of a submitter who waits: nothing for 15 s, then white space now and then, at last the job. When the server
 * closes first, it breaks off: a submitter with a key sends it again, and gets that job.
 */
export const holdUntilEnd = (parts: HoldingParts, job: Job, holding: Holding): Readable =>
  bodyOf(held(parts, job, holding))

async function* held(
  { service, clock, closing }: HoldingParts,
  { id }: Job,
  { heard, envelope }: Holding,
): AsyncGenerator<string> {
  const over = untilEnd(service.events(id, { follow: heard }))
  for await (const _ of pauses(over, aliveEveryMs, clock)) yield ' '
  await over
  const job = await service.get(id)
  if (!isFinal(job)) throwIfClosing(closing)
  yield JSON.stringify(envelope(job))
}

async function untilEnd(events: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of events) {
    // What happens on the way is not in the reply.
  }
}
