import type { Clock } from '../util/clock.ts'
import { uuidV7 } from '../util/ids.ts'
import { AgenticoreError } from './errors.ts'
import type { JobEvent } from './events.ts'
import { checkContinuable, continuing } from './follow-up.ts'
import { type CompleteRequest, isFinal, type Job, type JobId, type JobRequest } from './job.ts'
import { type Measures, noMeasures } from './measures.ts'
import type { EventLog, JobStore, ListQuery, QueueStats, SubmitOptions } from './ports.ts'
import { isJobId } from './record.ts'
import { checkRequest, completed, requestOf } from './request.ts'
import { queued as newJob } from './states.ts'
import { isTraceparent, noTracing, type Tracing } from './tracing.ts'

const shortestPart = 4
/** The job that a request became before, and the one it went on from. */
const mostOfOneKey = 2

export interface EventsOptions {
  readonly follow?: AbortSignal
  /** The id of an event. */
  readonly after?: string
}

export interface JobServiceParts {
  readonly store: JobStore
  readonly events: EventLog
  readonly clock: Clock
  /** @throws AgenticoreError `invalid_repo_url`, `invalid_ref` */
  checkRepository(url: string, ref: string): void
  /** @throws AgenticoreError `profile_not_found`, `invalid_profile` */
  checkProfile(name: string): Promise<void>
  /** Of a request that says nothing of it. */
  readonly defaults: { readonly profile: string; readonly ttlSeconds: number }
  /** As many may wait. */
  readonly queueLimit: number
  readonly measures?: Measures
  readonly tracing?: Tracing
}

export interface RetryOptions extends SubmitOptions {
  readonly idempotencyKey?: string
}

interface Kept {
  readonly job: Job
  /** Not one that had the key before. */
  readonly isNew: boolean
}

/** What can be done with jobs: the one place that commands, REST and MCP call. */
export class JobService {
  readonly #parts: JobServiceParts

  constructor(parts: JobServiceParts) {
    this.#parts = parts
  }

  /**
   * The job is durable when this resolves: it will end, whatever happens to this process.
   * @returns the new job; under an idempotency key that was used before, the job of that time
   * @throws AgenticoreError `invalid_request`, `invalid_repo_url`, `invalid_ref`, `profile_not_found`, `invalid_profile`,
   * `session_busy`, `session_not_found`, `idempotency_conflict`, `queue_full`; nothing was kept then
   */
  async submit({ traceparent: parent = '', ...wanted }: JobRequest, how: SubmitOptions = {}): Promise<Job> {
    const { measures = noMeasures, tracing = noTracing } = this.#parts
    let attributes = {}
    const options = { ...(isTraceparent(parent) ? { parent } : {}), found: () => attributes }
    return await tracing.span('job.submit', options, async traceparent => {
      const traced = { ...wanted, ...(traceparent === undefined ? {} : { traceparent }) }
      const { job, isNew } = await this.#submit(traced, how)
      attributes = { 'agenticore.job.id': job.id, 'agenticore.profile': job.profile, 'agenticore.job.new': isNew }
      if (isNew) measures.submitted()
      return job
    })
  }

  async #submit(wanted: JobRequest, options: SubmitOptions): Promise<Kept> {
    const { checkRepository, checkProfile, defaults } = this.#parts
    const request = completed(wanted, defaults)
    checkRequest(request)
    checkRepository(request.repoUrl, request.baseRef)
    await checkProfile(request.profile)
    return await this.#keep(request, options)
  }

  async #keep(request: CompleteRequest, options: SubmitOptions): Promise<Kept> {
    const { store, clock, queueLimit } = this.#parts
    const now = clock.now()
    const id = uuidV7(now)
    if (!isJobId(id)) throw new Error(`uuid made an id that is none: ${id}`)
    const kept = await store.submit(await this.#continued(newJob(id, request, now)), { ...options, queueLimit })
    return { job: kept, isNew: kept.id === id }
  }

  /** A follow-up has the branch and the conversation of the job it goes on with. */
  async #continued(job: Job): Promise<Job> {
    if (job.continues === undefined) return job
    const earlier = await this.get(job.continues)
    checkContinuable(earlier)
    // Somebody else may be going on with it.
    checkContinuable(await this.#latestOf(earlier.sessionId ?? '', job.idempotencyKey))
    const { branch, sessionId = '', sessionCostUsd = 0 } = earlier
    return { ...job, branch, sessionId, sessionCostUsd }
  }

  /**
   * The request as one that goes on with a conversation.
   * @param session the id of a conversation, or of a job that had one
   * @throws AgenticoreError `session_not_found`, `session_busy`, `invalid_request`
   */
  async followUp(request: JobRequest, session: string): Promise<JobRequest> {
    return continuing(request, await this.#latestOf(session.trim().toLowerCase(), request.idempotencyKey))
  }

  /**
   * A new job that asks for the same.
   * @param options.idempotencyKey makes it safe to repeat, as that of a submission does
   * @throws AgenticoreError `job_not_found`, `ambiguous_id`, and what `submit` throws
   */
  async retry(part: string, { idempotencyKey: key, ...how }: RetryOptions = {}): Promise<Job> {
    // The key stands for the job that had it.
    const { idempotencyKey: _, ...request } = requestOf(await this.get(part))
    return await this.submit(key === undefined ? request : { ...request, idempotencyKey: key }, how)
  }

  /** @throws AgenticoreError `job_not_found`, `ambiguous_id` */
  async get(part: string): Promise<Job> {
    const id = await this.#resolve(part)
    const job = await this.#parts.store.get(id)
    if (!job) throw notFound(part)
    return job
  }

  async list(query: ListQuery): Promise<Job[]> {
    return await this.#parts.store.list(query)
  }

  async cancel(part: string): Promise<Job> {
    return await this.#parts.store.cancel(await this.#resolve(part))
  }

  async stats(): Promise<QueueStats> {
    return await this.#parts.store.stats()
  }

  /** Every change of every job from when this resolves, without `output`. */
  async changes(signal: AbortSignal): Promise<AsyncIterable<Job>> {
    return await this.#parts.store.watch(signal)
  }

  /** The job's events from the first on, or after one; with `follow`, also those still to come until the job ends. */
  async *events(part: string, { follow, after }: EventsOptions = {}): AsyncGenerator<JobEvent> {
    const { store, events } = this.#parts
    const { id } = await this.get(part)
    const ended = async (): Promise<boolean> => {
      const job = await store.get(id)
      return job === undefined || isFinal(job)
    }
    const from = after === undefined ? {} : { after }
    yield* events.read(id, follow ? { ...from, follow: { ended, signal: follow } } : from)
  }

  /** @param key of a request that may have been made before: what came of it then is not what it goes on from */
  async #latestOf(session: string, key: string | undefined): Promise<Job> {
    const { store } = this.#parts
    const named = isJobId(session) ? await store.get(session) : undefined
    // Newest first: however the conversation is named, where it stands now is what it goes on from.
    const some = await store.list({ limit: mostOfOneKey, session: named?.sessionId ?? session })
    const found = some.find(job => key === undefined || job.idempotencyKey !== key) ?? named
    if (found) return found
    throw new AgenticoreError('session_not_found', `No job that is kept has had the conversation "${session}".`)
  }

  async #resolve(part: string): Promise<JobId> {
    const wanted = part.trim().toLowerCase()
    if (isJobId(wanted)) return wanted
    if (!/^[0-9a-f-]*$/.test(wanted)) throw notFound(part)
    if (wanted.length < shortestPart) {
      throw new AgenticoreError(
        'ambiguous_id',
        `"${part}" is too short for a job id: give at least ${shortestPart} characters.`,
      )
    }
    const [id, ...others] = await this.#parts.store.find(wanted)
    if (id === undefined) throw notFound(part)
    if (others.length > 0) throw new AgenticoreError('ambiguous_id', `"${part}" fits ${others.length + 1} jobs.`)
    return id
  }
}

const notFound = (part: string): AgenticoreError => new AgenticoreError('job_not_found', `There is no job "${part}".`)
