import { camelKey, mapKeys, snakeKey } from '../util/case.ts'
import type { JobEvent } from './events.ts'

/** An event as one line of JSON, keys in snake_case; what a tool was given or gave stays as it was. */
export const encodeEvent = (event: JobEvent): string => JSON.stringify(mapKeys(event, snakeKey))

/** Undefined for a line that is none: the torn last one of a writer that was killed. */
export function decodeEvent(line: string): JobEvent | undefined {
  const value: unknown = parse(line)
  if (typeof value !== 'object' || value === null) return undefined
  const event = mapKeys(value, camelKey)
  return isEvent(event) ? event : undefined
}

const isEvent = (event: object): event is JobEvent =>
  ['id', 'at', 'type'].every(key => typeof Reflect.get(event, key) === 'string')

function parse(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}
