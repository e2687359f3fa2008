import type { FastifyReply, FastifyRequest } from 'fastify'
import { AgenticoreError } from '../../jobs/errors.ts'
import { type Refusal, refusal } from './refusals.ts'

/** What the Python agenticore had at these addresses, and what to use instead. */
const removed: ReadonlyMap<string, string> = new Map([
  ['plans', 'a plan is a job under a profile that may not write (`review`)'],
  ['worktrees', 'each job has a working tree of its own'],
  ['admin', 'profiles are read anew for each job'],
  ['completions', 'submit a job, and go on with its conversation by `session_id`'],
  ['v1', 'submit a job, and go on with its conversation by `session_id`'],
  ['api', 'use the webhook, or the events of jobs'],
])

export function refuseUnknown({ method, url }: FastifyRequest, reply: FastifyReply): FastifyReply {
  const { status, headers, body } = unknown(method, pathOf(url))
  return reply.code(status).headers(headers).send(body)
}

/** Without the query, which may hold what nobody is to write down. */
export const pathOf = (url: string): string => url.split('?', 1)[0] ?? ''

function unknown(method: string, path: string): Refusal {
  const [first = ''] = path.split('/').filter(Boolean)
  const instead = removed.get(first)
  if (instead === undefined)
    return refusal(404, new AgenticoreError('no_such_endpoint', `There is nothing at ${method} ${path}.`))
  const message = `${method} ${path} is of the Python agenticore, and not of this one: ${instead} (docs/migration.md).`
  return refusal(404, new AgenticoreError('endpoint_removed', message))
}
