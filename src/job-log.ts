import type { Logger } from 'pino'
import { isFinal, type Job } from './jobs/job.ts'
import type { Lease } from './jobs/ports.ts'

/** What a server's log says of its jobs. */
export class JobLog {
  readonly #log: Logger

  constructor(log: Logger) {
    this.#log = log
  }

  takenBack({ id, status }: Job): void {
    this.#log.warn({ job: id, status }, 'taken back from a process that is gone')
  }

  started({ job, fence }: Lease): void {
    this.#log.info({ job: job.id, fence, attempt: job.attempt }, 'job started')
  }

  over(job: Job): void {
    const how = job.errorCode === undefined ? {} : { error_code: job.errorCode }
    const message = isFinal(job) ? 'job ended' : 'job given back'
    this.#log.info({ job: job.id, fence: job.fence, status: job.status, ...how }, message)
  }
}
