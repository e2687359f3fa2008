import type { Job, JobEvent, JobStatus } from '../api/wire.ts'

/** What commands and the dashboard can ask, whoever answers: the files of this machine, or a server. */
export interface Agenticore {
  /** Newest first, without `output`. */
  jobs(query: { limit: number; status?: JobStatus }): Promise<Job[]>
  /** @param part any unique beginning or end of the id. @throws AgenticoreError `job_not_found`, `ambiguous_id` */
  job(part: string): Promise<Job>
  /** From the first one on; with `follow`, until the job has ended or the signal aborts. */
  events(part: string, follow?: AbortSignal): AsyncIterable<JobEvent>
}
