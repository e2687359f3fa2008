import type {
  FastifyBaseLogger,
  FastifyInstance,
  FastifyTypeProvider,
  RawReplyDefaultExpression,
  RawRequestDefaultExpression,
  RawServerDefault,
} from 'fastify'
import type * as z from 'zod'
import type { WirePod, WireProfile, WireStatus } from '../../api/replies.ts'
import type { Job } from '../../jobs/job.ts'
import type { JobService } from '../../jobs/service.ts'
import type { Clock } from '../../util/clock.ts'

/** What the routes stand on. */
export interface ServerParts {
  readonly service: JobService
  readonly clock: Clock
  readonly version: string
  readonly apiKeys: readonly string[]
  /** Whether, without keys, other users of this machine are turned away. */
  readonly onlyOwnUser: boolean
  /** Aborts when streams are to end. */
  readonly closing: AbortSignal
  /** Why this server should get no requests now: it drains, or cannot read its jobs; undefined when all is well. */
  whyNotReady(): Promise<string | undefined>
  /** What may lose jobs, sooner or later. */
  warnings(): readonly string[]
  status(): Promise<Omit<WireStatus, 'success'>>
  pods(): Promise<WirePod[]>
  profiles(): Promise<WireProfile[]>
  /** Where the changes of the latest attempt are kept as a patch. */
  patchOf(job: Job): Promise<string | undefined>
  readonly metrics: { readonly contentType: string; text(): Promise<string> }
}

/** What handlers get is what the schemas let through; what they send is only described by them. */
export interface CheckedRequests extends FastifyTypeProvider {
  readonly validator: this['schema'] extends z.ZodType ? z.output<this['schema']> : unknown
  readonly serializer: unknown
}

export type Server = FastifyInstance<
  RawServerDefault,
  RawRequestDefaultExpression,
  RawReplyDefaultExpression,
  FastifyBaseLogger,
  CheckedRequests
>
