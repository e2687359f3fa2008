import type { Job } from '../../jobs/job.ts'
import { decodeJob } from '../../jobs/record.ts'

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
  const [word = '', record = ''] = texts(reply)
  return { word, job: record === '' ? undefined : decodeJob(record, `Redis, job ${idIn(record)}`) }
}

/** The same of a record that comes after its place in the queue, from 1, or ''. */
export function placed(reply: unknown): Job | undefined {
  const { word: place, job } = worded(reply)
  return job && place !== '' ? { ...job, queuePosition: Number(place) } : job
}

const idIn = (record: string): string => /"id":"([^"]*)"/.exec(record)?.[1] ?? 'without an id'
