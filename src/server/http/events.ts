import * as z from 'zod'
import { jobPath } from '../../api/requests.ts'
import { eventToWire, toWire } from '../../api/wire.ts'
import type { JobEvent } from '../../jobs/events.ts'
import type { JobId } from '../../jobs/job.ts'
import { throwIfClosing } from './closing.ts'
import type { Server, ServerParts } from './parts.ts'
import { inContent, refusals, tags } from './schema.ts'
import { aliveEveryMs, asStream, bodyOf, sseComment, sseMessage, sseRetry, whileHeard, withPauses } from './streams.ts'

const ndjson = 'application/x-ndjson'
const sse = 'text/event-stream; charset=utf-8'
/** What readers of NDJSON pass over. */
const emptyLine = '\n'
/** The id of the message after the last event. */
const endId = 'end'

const eventsQuery = z.strictObject({
  follow: z.stringbool().default(true).describe('Whether to go on until the job has ended.'),
})

const eventsHeaders = z.looseObject({
  'last-event-id': z
    .string()
    .regex(/^(\d{1,15}-\d{1,15}|end|)$/, 'not the id of an event')
    .optional()
    .describe('The last event that was read: only what comes after it is sent.'),
})

/** How one of a `text/event-stream` reads. */
const message = z
  .object({ id: z.string(), event: z.string(), data: z.string().describe('JSON.'), retry: z.coerce.number() })
  .partial()
  .describe('Each message of the stream.')

/** What happens, as it happens. */
export function eventRoutes(server: Server, parts: ServerParts): void {
  const { service, clock, closing } = parts

  server.get(
    '/jobs/events',
    {
      schema: {
        summary: 'Every change of every job, from now on (Server-Sent Events)',
        description:
          'A message a change, with the job as it is then, without its `output`. Messages have no ids, and `Last-Event-ID` brings nothing back: whoever comes, or comes again, opens this first and then reads GET /jobs, which has every job as it is by then; what changes meanwhile is in the stream. Only the events of one job (GET /jobs/{id}/events) go on where they broke off.',
        tags,
        response: { 200: inContent('A stream.', { 'text/event-stream': message }), ...refusals(401, 403) },
      },
    },
    async (_, reply) => {
      const changes = await service.changes(whileHeard(reply, closing))
      const messages = written(withPauses(changes, aliveEveryMs, clock), job =>
        sseMessage({ data: JSON.stringify(toWire(job)) }),
      )
      return asStream(reply, sse).send(bodyOf(messages))
    },
  )

  server.get(
    '/jobs/:id/events',
    {
      schema: {
        summary:
          'What the agent of a job does, from the first event on (Server-Sent Events, or NDJSON if that is accepted)',
        description:
          'Each message carries one event and its id; a reader who comes again with `Last-Event-ID` gets what came after. When the job has ended, a last message of the type `end` carries the job; who comes again after that gets 204.',
        tags,
        params: jobPath,
        querystring: eventsQuery,
        headers: eventsHeaders,
        response: {
          200: inContent('A stream.', { 'text/event-stream': message, [ndjson]: z.string() }),
          204: z.undefined().describe('There is nothing after that event.'),
          ...refusals(401, 403, 404, 414),
        },
      },
    },
    async ({ params, query: { follow }, headers }, reply) => {
      const after = headers['last-event-id'] || undefined
      // What cannot be read is said before anything is sent.
      const { id } = await service.get(params.id)
      if (after === endId) return reply.code(204).send()
      const heard = whileHeard(reply, closing)
      const options = { ...(follow ? { follow: heard } : {}), ...(after === undefined ? {} : { after }) }
      const events = withPauses(service.events(id, options), aliveEveryMs, clock)
      if (headers.accept?.includes(ndjson)) return asStream(reply, ndjson).send(bodyOf(lines(events, closing)))
      const messages = written(events, event => sseMessage({ id: event.id, data: eventToWire(event) }))
      return asStream(reply, sse).send(bodyOf(follow ? toTheEnd(messages, id, heard) : messages))
    },
  )

  async function* toTheEnd(messages: AsyncIterable<string>, id: JobId, heard: AbortSignal): AsyncGenerator<string> {
    yield* messages
    if (heard.aborted) return
    yield sseMessage({ id: endId, event: 'end', data: JSON.stringify(toWire(await service.get(id))) })
  }
}

/** Nothing but the end of the reply says that there is no more. */
async function* lines(events: AsyncIterable<JobEvent | undefined>, closing: AbortSignal): AsyncGenerator<string> {
  for await (const event of events) yield event === undefined ? emptyLine : `${eventToWire(event)}\n`
  throwIfClosing(closing)
}

async function* written<T>(items: AsyncIterable<T | undefined>, message: (item: T) => string): AsyncGenerator<string> {
  yield sseRetry
  for await (const item of items) yield item === undefined ? sseComment : message(item)
}
