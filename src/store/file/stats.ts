import type { Job, JobId } from '../../jobs/job.ts'
import type { PassingOver } from '../../jobs/passing-over.ts'
import type { QueueStats } from '../../jobs/ports.ts'
import { isReady } from '../../jobs/states.ts'
import { inBatches } from '../../util/batches.ts'
import type { Clock } from '../../util/clock.ts'
import { madeAt } from '../../util/ids.ts'
import type { KnownIds } from './known-ids.ts'
import type { RememberedMarkers } from './remembered-markers.ts'

export interface StatsParts {
  readonly queue: RememberedMarkers
  /** Jobs that have not ended. */
  readonly active: RememberedMarkers
  /** Jobs that have had an attempt. */
  readonly begun: KnownIds
  /** Those that wait for one process alone. */
  readonly held: ReadonlySet<JobId>
  readonly clock: Clock
  readonly passingOver: PassingOver
  read(id: JobId): Promise<Job | undefined>
}

/** How the queue stands. Of what waits, only what was given back is read: nothing else waits for its time. */
export async function queueStats(parts: StatsParts): Promise<QueueStats> {
  const { queue, active, held } = parts
  const waiting = [...(await queue.known.all())]
  const later = await delayed(waiting, parts)
  const [oldest] = [...waiting.filter(id => !later.has(id)).slice(0, 1), ...held].sort()
  const queued = waiting.length + held.size
  return {
    ready: queued - later.size,
    delayed: later.size,
    running: Math.max(0, (await active.known.all()).length - queued),
    ...(oldest === undefined ? {} : { oldestReadyAt: madeAt(oldest).toISOString() }),
  }
}

async function delayed(
  waiting: readonly JobId[],
  { begun, clock, passingOver, read }: StatsParts,
): Promise<ReadonlySet<JobId>> {
  if (waiting.length === 0) return new Set()
  await begun.all()
  const jobs = await inBatches(
    waiting.filter(id => begun.has(id)),
    id => passingOver(() => read(id)),
  )
  const now = clock.now()
  return new Set(jobs.flatMap(job => (job?.status === 'queued' && !isReady(job, now) ? [job.id] : [])))
}
