import { refusal } from '../../api/replies.ts'

export const tags = ['jobs'] as const
export const fleetTags = ['fleet'] as const

type RefusedStatus = 400 | 401 | 403 | 404 | 409 | 413 | 429 | 500 | 503 | 507

/** The replies of a route that does not do what it was asked. */
export const refusals = (...statuses: readonly RefusedStatus[]): { [Status in RefusedStatus]?: typeof refusal } =>
  Object.fromEntries([...statuses, 500].map(status => [status, refusal]))
