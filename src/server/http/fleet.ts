import * as z from 'zod'
import { health, manyPods, manyProfiles, ready, statusReply } from '../../api/replies.ts'
import { AgenticoreError } from '../../jobs/errors.ts'
import type { Server, ServerParts } from './parts.ts'
import { refusal } from './refusals.ts'
import { fleetTags, inContent, refusals } from './schema.ts'

/** How the server is, and what it works with. */
export function fleetRoutes(server: Server, parts: ServerParts): void {
  const tags = fleetTags
  const refused = refusals(401, 403)

  server.get(
    '/profiles',
    { schema: { summary: 'The profiles there are', tags, response: { 200: manyProfiles, ...refused } } },
    async () => {
      const profiles = await parts.profiles()
      return { success: true, count: profiles.length, profiles }
    },
  )

  server.get(
    '/pods',
    { schema: { summary: 'The servers that run jobs from this queue', tags, response: { 200: manyPods, ...refused } } },
    async () => {
      const pods = await parts.pods()
      return { success: true, count: pods.length, pods }
    },
  )

  server.get(
    '/status',
    { schema: { summary: 'How the server is', tags, response: { 200: statusReply, ...refused } } },
    async () => ({ success: true, ...(await parts.status()) }),
  )

  server.get(
    '/metrics',
    {
      schema: {
        summary: 'Figures for Prometheus',
        tags,
        response: { 200: inContent('Prometheus text format.', { 'text/plain': z.string() }), ...refused },
      },
    },
    async (_, reply) => reply.type(parts.metrics.contentType).send(await parts.metrics.text()),
  )

  server.get(
    '/health',
    {
      schema: {
        summary: 'Whether the process is alive; for everybody',
        tags,
        response: { 200: health, ...refusals() },
        security: [],
      },
    },
    async () => ({ status: 'ok', service: 'agenticore' }),
  )

  server.get(
    '/ready',
    {
      schema: {
        summary: 'Whether requests should be sent here; for everybody',
        tags,
        response: { 200: ready, ...refusals() },
        security: [],
      },
    },
    async (_, reply) => {
      const why = await parts.whyNotReady()
      const warnings = parts.warnings()
      if (why === undefined) return { success: true, status: 'ready', ...(warnings.length > 0 ? { warnings } : {}) }
      const { headers, body } = refusal(503, new AgenticoreError('not_ready', `Not ready: ${why}.`))
      return reply.code(503).headers(headers).send(body)
    },
  )
}
