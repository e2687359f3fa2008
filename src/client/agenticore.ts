import type { Job, JobEvent, JobStatus } from '../api/wire.ts'

export interface JobsQuery {
  readonly limit: number
  readonly status?: JobStatus
}

export interface FollowOptions {
  /** Goes on until the job has ended or this aborts. */
  readonly follow?: AbortSignal
  /** Only what came after this event. */
  readonly after?: string
  /** Told once when a server breaks off, and once, without words, when it is there again. */
  trouble?(what: string | undefined): void
  /** Told of the job as it ended, where the stream says it. */
  ended?(job: Job): void
}

/** Fields of `GET /status`, or of a pod, as they came. */
export type ServerStatus = Readonly<Record<string, unknown>>

export interface Submitted {
  readonly job: Job
  readonly warnings: readonly string[]
}

/** What commands and the dashboard can ask, whoever answers: the files of this machine, or a server. */
export interface Agenticore {
  /** Newest first, without `output`. */
  jobs(query: JobsQuery): Promise<Job[]>
  /** @param part any unique beginning or end of the id. @throws AgenticoreError `job_not_found`, `ambiguous_id` */
  job(part: string): Promise<Job>
  /** From the first one on. */
  events(part: string, options?: FollowOptions): AsyncIterable<JobEvent>
  cancel(part: string): Promise<Job>
  /** A new job that asks for the same. */
  retry(part: string): Promise<Job>
  status(): Promise<ServerStatus>
  close(): Promise<void>
}
