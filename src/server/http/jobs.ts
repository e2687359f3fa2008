import { createReadStream } from 'node:fs'
import type { IncomingHttpHeaders } from 'node:http'
import * as z from 'zod'
import { manyJobs, oneJob } from '../../api/replies.ts'
import {
  droppedFields,
  jobPath,
  jobsQuery,
  type Submission,
  submission,
  submissionHeaders,
} from '../../api/requests.ts'
import { toWire } from '../../api/wire.ts'
import { AgenticoreError } from '../../jobs/errors.ts'
import type { Job, JobId, JobRequest } from '../../jobs/job.ts'
import { isJobId } from '../../jobs/record.ts'
import { holdUntilEnd } from './hold.ts'
import { pageOf } from './page.ts'
import type { Server, ServerParts } from './parts.ts'
import { badBody, inContent, refusals, tags } from './schema.ts'
import { asStream, whileHeard } from './streams.ts'

/** Submitting, finding, cancelling and repeating jobs. */
export function jobRoutes(server: Server, parts: ServerParts): void {
  const { service } = parts

  server.post(
    '/jobs',
    {
      schema: {
        summary: 'Submit a job',
        description:
          'Durable when this answers: it will end, whatever happens to the server. Fields of the Python agenticore that this one does without are taken with a warning. With `wait` it answers when the job has ended; a server that closes first breaks the answer off (503, if nothing of it was sent), and the job goes on: send it again, with its `idempotency_key`.',
        tags,
        body: submission,
        headers: submissionHeaders,
        response: { 200: oneJob, ...refusals(401, 403, 404, 409, 429, 507, ...badBody) },
      },
    },
    async ({ body: wanted, headers }, reply) => {
      const asked = { ...keyFrom(headers), ...requestFrom(wanted), ...traceFrom(headers) }
      const job = await service.submit(
        wanted.session_id === '' ? asked : await service.followUp(asked, wanted.session_id),
      )
      const warnings = warningsFor(wanted)
      const said = warnings.length > 0 ? { warnings } : {}
      const envelope = (now: Job) => ({ success: true, job: toWire(now), ...said })
      if (!wanted.wait) return envelope(job)
      const held = holdUntilEnd(parts, job, { heard: whileHeard(reply, parts.closing), envelope })
      return asStream(reply, 'application/json; charset=utf-8').send(held)
    },
  )

  server.get(
    '/jobs',
    {
      schema: {
        summary: 'List jobs, newest first',
        tags,
        querystring: jobsQuery,
        response: { 200: manyJobs, ...refusals(401, 403) },
      },
    },
    async ({ query: { limit, status, cursor } }) => {
      const before = cursor === undefined ? {} : { before: idFrom(cursor) }
      const { jobs, next } = await pageOf(service, { limit, ...(status ? { status } : {}), ...before })
      const more = next === undefined ? {} : { next_cursor: next }
      return { success: true, count: jobs.length, jobs: jobs.map(toWire), ...more }
    },
  )

  const one = { tags, params: jobPath, response: { 200: oneJob, ...refusals(401, 403, 404, 414) } }

  server.get('/jobs/:id', { schema: { ...one, summary: 'Show a job' } }, async ({ params: { id } }) => {
    return { success: true, job: toWire(await service.get(id)) }
  })

  server.delete(
    '/jobs/:id',
    {
      schema: {
        ...one,
        summary: 'Cancel a job',
        response: { ...one.response, ...refusals(...badBody) },
        description:
          'Queued: it has ended when this answers. Running: `cancel_requested_at` is set, and whoever runs it stops its agent within seconds. Ended: nothing changes.',
      },
    },
    async ({ params: { id } }) => ({ success: true, job: toWire(await service.cancel(id)) }),
  )

  server.post(
    '/jobs/:id/retry',
    {
      schema: {
        ...one,
        summary: 'Submit the request of a job again, as a new job',
        headers: submissionHeaders,
        response: { 200: oneJob, ...refusals(401, 403, 404, 409, 414, 429, 507, ...badBody) },
      },
    },
    async ({ params: { id }, headers }) => ({ success: true, job: toWire(await service.retry(id, keyFrom(headers))) }),
  )

  server.get(
    '/jobs/:id/diff',
    {
      schema: {
        summary: 'The changes of a job as a patch',
        tags,
        params: jobPath,
        response: { 200: inContent('The patch.', { 'text/x-diff': z.string() }), ...refusals(401, 403, 404, 414) },
      },
    },
    async ({ params: { id } }, reply) => {
      const job = await service.get(id)
      const path = await parts.patchOf(job)
      if (path === undefined) throw new AgenticoreError('no_diff', `No changes of job ${job.id} are kept.`)
      return reply.type('text/x-diff; charset=utf-8').send(createReadStream(path))
    },
  )
}

/** The original's own client names a base ref even where there is no repository. */
const namesNothing = ({ repo_url, base_ref, session_id }: Submission): boolean =>
  base_ref !== '' && repo_url === '' && session_id === ''

/** What was given and is not heeded. */
const warningsFor = (wanted: Submission): string[] => [
  ...Object.entries(droppedFields).flatMap(([field, instead]) =>
    Reflect.get(wanted, field) === undefined ? [] : [`${field} is not used any more: ${instead}.`],
  ),
  ...(namesNothing(wanted) ? ['base_ref is not used: there is no repository.'] : []),
]

function requestFrom(wanted: Submission): JobRequest {
  const optional = {
    model: wanted.model || undefined,
    maxTurns: wanted.max_turns,
    maxBudgetUsd: wanted.max_budget_usd,
    timeoutSeconds: wanted.timeout,
    ttlSeconds: wanted.ttl_seconds,
    queueTtlSeconds: wanted.queue_ttl_seconds,
    idempotencyKey: wanted.idempotency_key,
  }
  return {
    task: wanted.task,
    repoUrl: wanted.repo_url,
    baseRef: namesNothing(wanted) ? '' : wanted.base_ref,
    profile: wanted.profile,
    mode: wanted.mode ?? (wanted.wait ? 'sync' : 'fire_and_forget'),
    ...given(optional),
  }
}

const traceFrom = ({ traceparent }: IncomingHttpHeaders): { traceparent?: string } =>
  typeof traceparent === 'string' ? { traceparent } : {}

const keyFrom = (headers: { readonly 'idempotency-key'?: string | undefined }): { idempotencyKey?: string } =>
  given({ idempotencyKey: headers['idempotency-key'] })

type Given<T> = { [Key in keyof T]?: Exclude<T[Key], undefined> }

function given<T extends object>(values: T): Given<T> {
  const kept: Given<T> = {}
  for (const [key, value] of Object.entries(values)) if (value !== undefined) Reflect.set(kept, key, value)
  return kept
}

function idFrom(text: string): JobId {
  if (isJobId(text)) return text
  throw new AgenticoreError('invalid_request', 'cursor: not one that a list gave.')
}
