import { camelKey, mapKeys, snakeKey } from '../util/case.ts'
import { isUuid } from '../util/ids.ts'
import { AgenticoreError, isErrorCode } from './errors.ts'
import { type Job, type JobId, jobStatuses } from './job.ts'
import { schemaVersion } from './states.ts'

type Check = (value: unknown) => boolean

const text = (value: unknown): boolean => typeof value === 'string'
const count = (value: unknown): boolean => typeof value === 'number' && Number.isFinite(value)
const flag = (value: unknown): boolean => typeof value === 'boolean'
const optional =
  (check: Check): Check =>
  value =>
    value === undefined || check(value)

const fields: Readonly<Record<keyof Job, Check>> = {
  id: value => typeof value === 'string' && isUuid(value),
  task: text,
  repoUrl: text,
  baseRef: text,
  profile: text,
  status: value => jobStatuses.some(status => status === value),
  mode: value => value === 'fire_and_forget' || value === 'sync',
  idempotencyKey: optional(text),
  defaulted: optional(value => Array.isArray(value) && value.every(text)),
  continues: optional(value => typeof value === 'string' && isUuid(value)),
  traceparent: optional(text),
  createdAt: text,
  startedAt: optional(text),
  endedAt: optional(text),
  notBefore: optional(text),
  cancelRequestedAt: optional(text),
  ttlSeconds: count,
  queueTtlSeconds: optional(count),
  podName: text,
  bootId: optional(text),
  fence: count,
  attempt: count,
  interruptions: count,
  crashes: optional(count),
  putOffs: optional(count),
  pid: optional(count),
  agentUid: optional(count),
  worktreePath: text,
  jobConfigDir: text,
  branch: text,
  baseSha: optional(text),
  headSha: optional(text),
  pushed: optional(value => Array.isArray(value) && value.every(text)),
  prUrl: optional(text),
  prError: optional(text),
  sessionId: optional(text),
  resumed: flag,
  exitCode: optional(count),
  output: optional(text),
  outputTruncated: flag,
  error: optional(text),
  errorCode: optional(value => typeof value === 'string' && isErrorCode(value)),
  numTurns: optional(count),
  totalCostUsd: optional(count),
  sessionCostUsd: optional(count),
  usage: optional(value => typeof value === 'object' && value !== null && Object.values(value).every(count)),
  durationMs: optional(count),
  model: optional(text),
  modelUsed: optional(text),
  claudeVersion: optional(text),
  changedFiles: optional(count),
  lastActivity: optional(text),
  maxTurns: optional(count),
  maxBudgetUsd: optional(count),
  timeoutSeconds: optional(count),
  queuePosition: optional(count),
  schemaVersion: value => typeof value === 'number' && value >= 1,
}

const checks = Object.entries(fields)
const names = checks.map(([key]) => [key as keyof Job, snakeKey(key)] as const)

type Fields = { readonly [Key in keyof Job]?: Job[Key] | undefined }

/** The fields of a job in snake_case; unset ones, and those that this version does not know, are left out. */
export function encodeJob(job: Fields): Record<string, unknown> {
  const record: Record<string, unknown> = {}
  for (const [key, name] of names) {
    const value = job[key]
    if (value !== undefined) record[name] = value
  }
  return record
}

/** A job as it is stored: with the fields that a later version gave it, so that nothing is lost where two are at work. */
export function encodeRecord(job: Job): Record<string, unknown> {
  const later = Object.entries(job).filter(([key]) => !Object.hasOwn(fields, key))
  return later.length === 0 ? encodeJob(job) : { ...encodeJob(job), ...mapKeys(Object.fromEntries(later), snakeKey) }
}

/**
 * @throws AgenticoreError `corrupt_record`, naming `source` (the file) and the field that is wrong; `newer_record` for what
 * only a later version can read
 */
export const decodeJob = (json: string, source: string): Job => jobFrom(parseObject(json, source), source)

/** The same of an object, keys in snake_case. */
export function jobFrom(object: object, source: string): Job {
  const job = mapKeys(object, camelKey)
  const version = job.schemaVersion
  if (typeof version === 'number' && version > schemaVersion) {
    const message = `${source} was written by a newer agenticore: schema version ${version}, and this one knows ${schemaVersion}.`
    throw new AgenticoreError('newer_record', message)
  }
  if (isJob(job)) return job
  const wrong = wrongFields(job).map(snakeKey).join(', ')
  throw new AgenticoreError('corrupt_record', `${source} is no job record: wrong or missing ${wrong}.`)
}

/** Brands an id that was read from a file name or a record. */
export const isJobId = (id: string): id is JobId => isUuid(id)

const isJob = (value: object): value is Job => checks.every(([key, fits]) => fits(Reflect.get(value, key)))

const wrongFields = (value: object): string[] =>
  checks.flatMap(([key, fits]) => (fits(Reflect.get(value, key)) ? [] : [key]))

function parseObject(json: string, source: string): object {
  try {
    const value: unknown = JSON.parse(json)
    if (typeof value === 'object' && value !== null) return value
  } catch (cause) {
    throw new AgenticoreError('corrupt_record', `${source} is not JSON.`, { cause })
  }
  throw new AgenticoreError('corrupt_record', `${source} is no job record.`)
}
