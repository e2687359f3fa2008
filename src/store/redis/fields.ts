import { createHash } from 'node:crypto'
import { AgenticoreError } from '../../jobs/errors.ts'
import type { Job } from '../../jobs/job.ts'
import { encodeRecord, jobFrom } from '../../jobs/record.ts'
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

/** @param source of the fields, for the error. @throws AgenticoreError `corrupt_record`, `newer_record` */
export function fromFields(fields: readonly string[], source: string): Job {
  const record: Record<string, unknown> = {}
  for (let n = 0; n + 1 < fields.length; n += 2) {
    const name = fields[n] ?? ''
    // What begins so is the scripts' own.
    if (!name.startsWith('@')) record[name] = parsed(fields[n + 1] ?? '', source)
  }
  return jobFrom(record, source)
}

/** From one record to the next, as the scripts take it. */
export interface Change {
  readonly set: readonly string[]
  readonly drop: readonly string[]
}

/** What makes `after` of `before`; a cancel request is never part of it: that is decided where it is written. */
export function changeOf(before: Job, after: Job): Change {
  const [old, now] = [encodeRecord(before), encodeRecord(after)]
  const set: string[] = []
  for (const [name, value] of Object.entries(now)) {
    if (value !== old[name] && name !== marked) set.push(name, written(name, value))
  }
  return { set, drop: Object.keys(old).filter(name => now[name] === undefined && name !== marked) }
}

const marked = 'cancel_requested_at'

export const digestOf = (text: string): string => createHash('sha256').update(text).digest('hex')

/** True when there is more of the output than a hash has. */
export const isPreview = (job: Job): boolean => (job.output?.length ?? 0) >= previewLength - 1

function parsed(value: string, source: string): unknown {
  try {
    return JSON.parse(value)
  } catch (cause) {
    throw new AgenticoreError('corrupt_record', `${source} has a field that is no JSON.`, { cause })
  }
}
