import type { QueueStats } from './jobs/ports.ts'
import type { Stats } from './telemetry/prometheus.ts'
import type { Worker } from './worker/worker.ts'

interface Here {
  readonly capacity: number
  /** None before there is one. */
  readonly worker: Pick<Worker, 'running' | 'isDraining'> | undefined
}

/** What a scrape reads of the queue and of this process. */
export function figuresOf(stats: QueueStats | undefined, { capacity, worker }: Here): Stats {
  const { ready = 0, delayed = 0, running = 0, oldestReadyAt } = stats ?? {}
  return {
    queued: ready + delayed,
    running,
    queueDepth: ready,
    queueHeadAgeSeconds: oldestReadyAt === undefined ? 0 : (Date.now() - Date.parse(oldestReadyAt)) / 1000,
    slots: { capacity, running: worker?.running ?? 0 },
    draining: worker?.isDraining ?? false,
  }
}
