import type { Readable } from 'node:stream'
import type { Job } from '../../jobs/job.ts'
import type { JobService } from '../../jobs/service.ts'
import type { Clock } from '../../util/clock.ts'
import { aliveEveryMs, bodyOf, pauses } from './streams.ts'

interface HoldingParts {
  readonly service: Pick<JobService, 'events' | 'get'>
  readonly clock: Clock
}

interface Holding {
  /** Aborts when nobody listens any more. */
  readonly heard: AbortSignal
  envelope(job: Job): object
}

/**
 * The reply of a submitter who waits: nothing for 15 s, then white space now and then, at last the job. When the server
 * closes first, the job as it is then.
 */
export const holdUntilEnd = (parts: HoldingParts, job: Job, holding: Holding): Readable =>
  bodyOf(held(parts, job, holding))

async function* held(
  { service, clock }: HoldingParts,
  { id }: Job,
  { heard, envelope }: Holding,
): AsyncGenerator<string> {
  const over = untilEnd(service.events(id, { follow: heard }))
  for await (const _ of pauses(over, aliveEveryMs, clock)) yield ' '
  await over
  yield JSON.stringify(envelope(await service.get(id)))
}

async function untilEnd(events: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of events) {
    // What happens on the way is not in the reply.
  }
}
