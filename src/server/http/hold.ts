import type { Readable } from 'node:stream'
import type { Job } from '../../jobs/job.ts'
import type { JobService } from '../../jobs/service.ts'
import type { Clock } from '../../util/clock.ts'
import { aliveEveryMs, bodyOf, withPauses } from './streams.ts'

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
  for await (const event of withPauses(service.events(id, { follow: heard }), aliveEveryMs, clock)) {
    if (event === undefined) yield ' '
  }
  yield JSON.stringify(envelope(await service.get(id)))
}
