import { createHash } from 'node:crypto'
import type { Job } from '../../jobs/job.ts'
import { encodeRecord } from '../../jobs/record.ts'
import { snakeKey } from '../../util/case.ts'
import { wholeStart } from '../../util/whole-start.ts'

/** Of what an agent said, so much is in Redis; all of it is in the journal. */
const previewLength = 4096

/** A job as its hash has it: names in snake_case and their values as JSON, one after the other. */
export function toFields(job: Job): string[] {
  const fields: string[] = []
  for (const [name, value] of Object.entries(encodeRecord(job))) fields.push(name, written(name, value))
  return fields
}

const written = (name: string, value: unknown): string =>
  JSON.stringify(name === 'output' ? wholeStart(String(value), previewLength) : value)

/** From one record to the next, as the scripts take it. */
export interface Change {
  readonly set: readonly string[]
  readonly drop: readonly string[]
}

/** What makes `after` of `before`; a cancel request is never part of it: that is decided where it is written. */
export function changeOf(before: Job, after: Job): Change {
  const [old, now] = [fieldsIn(before), fieldsIn(after)]
  const set: string[] = []
  for (const [key, value] of now) if (value !== old.get(key)) set.push(snakeKey(key), written(key, value))
  return { set, drop: [...old.keys()].filter(key => !now.has(key)).map(snakeKey) }
}

const fieldsIn = (job: Job): Map<string, unknown> =>
  new Map(Object.entries(job).filter(([key, value]) => value !== undefined && key !== 'cancelRequestedAt'))

export const digestOf = (text: string): string => createHash('sha256').update(text).digest('hex')

/** True when there is more of the output than a hash has. */
export const isPreview = (job: Job): boolean => (job.output?.length ?? 0) >= previewLength - 1
