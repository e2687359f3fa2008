import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Job } from '../../src/jobs/job.ts'
import { isFinal } from '../../src/jobs/job.ts'
import { poisonousCrashes } from '../../src/jobs/states.ts'
import { processesWith } from '../helpers/processes.ts'
import { until } from '../helpers/until.ts'
import { openStore, places } from './places.ts'

/** What users and clients were told, which has to be true in the end. */
export interface Told {
  readonly accepted: ReadonlySet<string>
  /** Jobs whose cancel request was confirmed before they had ended. */
  readonly cancelled: ReadonlySet<string>
}

export interface Checked {
  readonly jobs: readonly Job[]
  readonly starts: number
  readonly poison: number
  readonly lost: readonly string[]
  readonly doubled: readonly string[]
  /** Anything else that is not as it should be. */
  readonly wrong: readonly string[]
}

/** Reads only what users see: records, attempts, the agents' own log. */
export async function check(directory: string, told: Told): Promise<Checked> {
  const { jobs: root, log } = places(directory)
  const store = await openStore(root)
  // The claimer that was killed last may have left its place, with nothing in it: the next start clears it away.
  await store.reap(async () => undefined)
  const listed = await store.list({ limit: Number.POSITIVE_INFINITY })
  const jobs = await Promise.all(listed.map(async job => (await store.get(job.id)) ?? job))
  const lines = existsSync(log) ? readFileSync(log, 'utf8').split('\n').filter(Boolean) : []
  const ends = new Set(lines.filter(line => line.startsWith('end ')))
  const byId = new Map(jobs.map(job => [job.id.toString(), job]))
  const final = (id: string): boolean => {
    const job = byId.get(id)
    return job !== undefined && isFinal(job)
  }
  const wrong = [
    ...jobs.flatMap(job => faults(root, job, ends)),
    ...jobs.filter(job => !told.accepted.has(job.id)).map(job => `${job.id} is there and was never accepted`),
    ...[...told.cancelled].filter(id => byId.get(id)?.status !== 'cancelled').map(id => `${id} was to be cancelled`),
    ...leftovers(root),
    ...(await stillThere(jobs)).map(id => `a process of ${id} is still there`),
  ]
  await store.close()
  return {
    jobs,
    starts: lines.filter(line => line.startsWith('begin ')).length,
    poison: jobs.filter(job => job.errorCode === 'poison').length,
    lost: [...told.accepted].filter(id => !final(id)),
    doubled: jobs.flatMap(job => (results(root, job).length > 1 ? [job.id] : [])),
    wrong,
  }
}

/** The fences whose word was accepted: at most one, for a job that succeeded its last. */
function results(root: string, job: Job): number[] {
  const attempts = join(root, `${job.id}.d`)
  const fences = existsSync(attempts) ? readdirSync(attempts).map(Number) : []
  return fences.filter(fence => existsSync(join(attempts, String(fence), 'outcome.json')))
}

function faults(root: string, job: Job, ends: ReadonlySet<string>): string[] {
  const is = `${job.id} is ${job.status}`
  const accepted = results(root, job)
  if (job.status === 'succeeded') {
    const says = job.output === `by ${job.fence}` && accepted.includes(job.fence)
    return says && ends.has(`end ${job.id} ${job.fence}`)
      ? []
      : [`${is} by ${job.fence}, and "${job.output}" says otherwise`]
  }
  if (job.errorCode === 'poison') return job.crashes === poisonousCrashes ? [] : [`${is} after ${job.crashes} crashes`]
  return job.status === 'cancelled' ? [] : [`${is}: ${job.error}`]
}

/** Jobs that have a process for more than five seconds after the end. */
async function stillThere(jobs: readonly Job[]): Promise<string[]> {
  const those = (): string[] => jobs.map(job => job.id).filter(id => processesWith(id).length > 0)
  return await until(() => (those().length === 0 ? [] : undefined), 5000).catch(those)
}

/** Markers of jobs that have all ended. */
const leftovers = (root: string): string[] =>
  ['queue', 'holders', 'active', 'verdict'].flatMap(name =>
    readdirSync(join(root, name))
      // What a kill in the middle of a write leaves is swept after an hour.
      .filter(entry => !entry.endsWith('.tmp'))
      .map(entry => `${name}/${entry} is left over`),
  )
