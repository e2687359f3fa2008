import type { Job } from '../../jobs/job.ts'
import { fromFields } from './fields.ts'

/** What scripts answer, with its shape made sure of: a reply of another kind is a mistake of ours, or another's script. */

/** @throws TypeError */
export function texts(reply: unknown): string[] {
  if (!Array.isArray(reply)) throw new TypeError(`Redis answered ${typeof reply} where a list was meant`)
  return reply.map(text)
}

/** @throws TypeError */
export function lists(reply: unknown): string[][] {
  if (!Array.isArray(reply)) throw new TypeError(`Redis answered ${typeof reply} where lists were meant`)
  return reply.map(texts)
}

export const text = (value: unknown): string => (value === null || value === undefined ? '' : String(value))

/** A word about the job, and its record. @throws TypeError @throws AgenticoreError `corrupt_record`, `newer_record` */
export function worded(reply: unknown): { readonly word: string; readonly job: Job | undefined } {
  const [word = '', ...fields] = texts(reply)
  return { word, job: fields.length === 0 ? undefined : jobOf(fields) }
}

/** The same of a record that comes after its place in the queue, from 1, or ''. */
export function placed(reply: unknown): Job | undefined {
  const { word: place, job } = worded(reply)
  return job && place !== '' ? { ...job, queuePosition: Number(place) } : job
}

export const jobOf = (fields: readonly string[]): Job => fromFields(fields, `Redis, job ${idIn(fields)}`)

function idIn(fields: readonly string[]): string {
  const at = fields.findIndex((name, index) => index % 2 === 0 && name === 'id')
  return at < 0 ? 'without an id' : (fields[at + 1] ?? '')
}
