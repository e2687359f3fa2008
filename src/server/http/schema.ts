import { STATUS_CODES } from 'node:http'
import type * as z from 'zod'
import { refusal } from '../../api/replies.ts'

export const tags = ['jobs'] as const
export const fleetTags = ['fleet'] as const

/** A reply as OpenAPI describes it, one schema for each type of content. */
export interface Described {
  readonly description: string
  readonly content: Readonly<Record<string, { readonly schema: z.ZodType }>>
}

/** No HTTP or no good address; came in too slowly; headers too large; the server failed, or closes. */
const anyRequest = [400, 408, 431, 500, 503] as const

type RefusedStatus = (typeof anyRequest)[number] | 401 | 403 | 404 | 409 | 413 | 414 | 415 | 429 | 507

/** What a request with a body meets besides. */
export const badBody = [413, 415] as const

/** The replies of a route that does not do what it was asked. */
export const refusals = (...statuses: readonly RefusedStatus[]): { [Status in RefusedStatus]?: Described } =>
  Object.fromEntries(
    [...anyRequest, ...statuses].map(status => [
      status,
      inContent(STATUS_CODES[status] ?? '', { 'application/json': refusal }),
    ]),
  )

export const inContent = (description: string, types: Readonly<Record<string, z.ZodType>>): Described => ({
  description,
  content: Object.fromEntries(Object.entries(types).map(([type, schema]) => [type, { schema }])),
})
