import { readdirSync } from 'node:fs'
import { inBatches } from '../../../src/util/batches.ts'
import { markerVariable } from '../../../src/util/marker.ts'
import { git } from '../../fixtures/github/git.ts'
import type { Pull } from '../../fixtures/github/server.ts'
import { processesWith } from '../../helpers/processes.ts'
import { until } from '../../helpers/until.ts'
import type { Clients, Seen, SeenEvent } from './clients.ts'

/** What clients were told and what they did, when all is over. */
export interface Story {
  /** The ids that each key was answered with. */
  readonly accepted: ReadonlyMap<string, ReadonlySet<string>>
  /** Jobs whose cancel request was confirmed before they had ended. */
  readonly cancelled: ReadonlySet<string>
  /** The ids of the events that those got who followed a job. */
  readonly followed: ReadonlyMap<string, Promise<readonly string[]>>
  /** The jobs that have ended. */
  readonly seen: ReadonlyMap<string, Seen>
  /** In ms since the epoch, ascending. */
  readonly kills: readonly number[]
  /** The repository at the origin. */
  readonly repository: string
  readonly pulls: readonly Pull[]
  /** Where working trees are made. */
  readonly scratch: readonly string[]
  /** What the agent of the attempt that ended the job says last. */
  said(job: Seen): string
}

export interface Checked {
  /** By job. */
  readonly events: ReadonlyMap<string, readonly SeenEvent[]>
  /** Given up after three deaths in a row. */
  readonly poison: number
  readonly lost: readonly string[]
  readonly doubled: readonly string[]
  /** Processes and trees that are left five seconds after the end. */
  readonly orphans: readonly string[]
  /** Anything else that is not as it should be. */
  readonly wrong: readonly string[]
  /** From a kill to the next start of a job it hit, or to that job's end; ascending, in ms. */
  readonly recoveriesMs: readonly number[]
}

/** Reads only what users see: what the server says, the repository, processes, directories. */
export async function check(clients: Clients, story: Story): Promise<Checked> {
  const { accepted, cancelled, seen, kills } = story
  const jobs = [...seen.values()]
  const ids = new Set([...accepted.values()].flatMap(each => [...each]))
  const events = new Map<string, readonly SeenEvent[]>()
  await inBatches(jobs, async ({ id }) => void events.set(id, await clients.events(id)))
  return {
    events,
    poison: jobs.filter(job => job.error_code === 'poison').length,
    lost: [...ids].filter(id => !seen.has(id)),
    doubled: [
      ...[...accepted].flatMap(([key, each]) => (each.size > 1 ? [`${key} is ${[...each].join(' and ')}`] : [])),
      ...(await clients.ids()).filter(id => !ids.has(id)).map(id => `${id} is there, and nobody was told`),
      ...jobs.flatMap(job => resultFaults(job, events.get(job.id) ?? [])),
      ...(await deliveryFaults(jobs, story)),
    ],
    orphans: await leftBehind(story),
    wrong: [
      ...jobs.flatMap(job => faults(job, story.said(job))),
      ...[...cancelled].filter(id => seen.get(id)?.status !== 'cancelled').map(id => `${id} was to be cancelled`),
      ...(await misfollowed(events, story)),
    ],
    recoveriesMs: recoveries(jobs, events, kills),
  }
}

function faults({ id, status, error_code: code, error, output }: Seen, said: string): string[] {
  if (status === 'succeeded') return output === said ? [] : [`${id} succeeded with "${output}", and not "${said}"`]
  return status === 'cancelled' || code === 'poison' ? [] : [`${id} is ${status}: ${error}`]
}

const attemptOf = (event: SeenEvent | undefined): string | undefined => event?.id.split('-')[0]

/**
 * An attempt has one outcome at most; what an earlier one said before its process died counts for nothing. Whoever ends the
 * job of a dead process (as poison, or because it was to be cancelled) says so in the name of its last attempt, which may
 * have said something before it died.
 */
function resultFaults({ id, status, error_code: code }: Seen, events: readonly SeenEvent[]): string[] {
  const all = events.filter(({ type }) => type === 'outcome')
  const isEndedByAnother = code === 'poison' || status === 'cancelled'
  const outcomes = isEndedByAnother && attemptOf(all.at(-2)) === attemptOf(all.at(-1)) ? all.toSpliced(-2, 1) : all
  const attempts = new Set(outcomes.map(attemptOf))
  const last = outcomes.at(-1)
  return [
    ...(attempts.size < outcomes.length ? [`${id} has ${outcomes.length} outcomes of ${attempts.size} attempts`] : []),
    ...(status === 'succeeded' && last?.status !== status ? [`${id} succeeded, and its log says ${last?.status}`] : []),
    ...(last && events.at(-1) !== last ? [`${id} goes on after its end`] : []),
  ]
}

/** A job has one branch, and that one pull request. */
async function deliveryFaults(jobs: readonly Seen[], { repository, pulls }: Story): Promise<string[]> {
  const branches = (await git(repository, ['for-each-ref', '--format=%(refname:short)', 'refs/heads'])).split('\n')
  return jobs
    .filter(job => job.repo_url !== '')
    .flatMap(({ id, status }) => {
      const own = branches.filter(each => each.includes(id.slice(-12)))
      const open = pulls.filter(({ head }) => JSON.stringify(head).includes(id.slice(-12)))
      const isFine = status === 'succeeded' ? own.length === 1 && open.length === 1 : own.length < 2 && open.length < 2
      return isFine ? [] : [`${id} has ${own.length} branches, ${open.length} pull requests`]
    })
}

async function misfollowed(events: ReadonlyMap<string, readonly SeenEvent[]>, { followed }: Story): Promise<string[]> {
  const wrong: string[] = []
  for (const [id, following] of followed) {
    const all = (events.get(id) ?? []).map(event => event.id)
    const got = await following
    if (got.join() !== all.join()) wrong.push(`who followed ${id} got ${got.join()} of ${all.join()}`)
  }
  return wrong
}

/** Processes that carry the marker of a job or were given a place of one, and trees. */
async function leftBehind({ seen, scratch }: Story): Promise<string[]> {
  const markers = [...seen.keys()].map(id => `${markerVariable}=${id}/`)
  const processes = (): number[] => processesWith(...markers, ...scratch.map(place => `${place}/.agent`))
  const trees = (): string[] => scratch.flatMap(place => readdirSync(place)).filter(entry => !entry.startsWith('.'))
  const isClean = (): true | undefined => (processes().length + trees().length === 0 ? true : undefined)
  await until(isClean, 5000).catch(() => undefined)
  return [...processes().map(pid => `process ${pid} is left`), ...trees().map(tree => `tree ${tree} is left`)]
}

function recoveries(
  jobs: readonly Seen[],
  events: ReadonlyMap<string, readonly SeenEvent[]>,
  kills: readonly number[],
): number[] {
  const found: number[] = []
  for (const { id, ended_at: endedAt } of jobs) {
    const all = events.get(id) ?? []
    // What was seen of it last before the kill that hit it; that it was taken back is said by another daemon, later.
    for (const [index, event] of all.entries()) {
      if (event.type !== 'released' || !event.reason?.includes('died')) continue
      const before = Date.parse(all[index - 1]?.at ?? event.at)
      const kill = kills.find(at => at >= before)
      const next = all.slice(index).find(each => each.type === 'claimed')?.at ?? endedAt
      if (kill !== undefined && next !== undefined) found.push(Date.parse(next) - kill)
    }
  }
  return found.sort((a, b) => a - b)
}
