import { readdir, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { endLeftovers } from './isolation.ts'
import { isFinal, type Job, type JobId } from './jobs/job.ts'
import type { Reaped } from './jobs/ports.ts'
import { isJobId } from './jobs/record.ts'
import { jobPlaces, type LocalParts } from './parts.ts'
import { takeTree } from './process/ownership.ts'
import { sweepMarked } from './process/sweep.ts'
import { treePlaces } from './repos/workspaces.ts'
import { inBatches } from './util/batches.ts'
import { messageOf } from './util/error-code.ts'
import { removeTree } from './util/remove-tree.ts'
import { reap } from './worker/reaper.ts'

/** The composition root's third part: putting right what processes have left that are gone. */

const sweepEveryMs = 3_600_000

/** Ends what dead processes left running and puts their jobs back into the queue, or to their end. */
export async function recover(parts: LocalParts): Promise<Reaped[]> {
  const reaped = await reap({ ...parts, endProcesses: ({ job, fence }) => endProcesses(parts, job, fence) })
  for (const { job } of reaped) if (isFinal(job)) await forgetPlaces(parts, job, { results: 'kept' })
  return reaped
}

/** Of one attempt, as far as they are on this machine. */
async function endProcesses(parts: LocalParts, job: Job, fence: number): Promise<void> {
  await sweepMarked(`${job.id}/${fence}`, { afterDeath: true })
  if (job.agentUid === undefined) return
  await endLeftovers(parts.surroundings, job.agentUid)
  for (const place of placesOf(parts, job)) await takeTree(place)
}

/** Deletes what has been over for longer than it is kept; every hour at most, because it looks at every record. */
export async function sweep(parts: LocalParts): Promise<void> {
  const { jobsDir, worktreeRoot } = parts.surroundings.settings
  // Each machine of a fleet has trees of its own to look at.
  const stamp = join(parts.stored.fleet ? worktreeRoot : jobsDir, '.swept')
  const last = await stat(stamp).catch(() => undefined)
  if (last && Date.now() - last.mtimeMs < sweepEveryMs) return
  await writeFile(stamp, '', { mode: 0o600 })
  for (const job of await parts.store.sweep()) await forgetPlaces(parts, job, { results: 'dropped' })
  await clear(parts, isFinal)
}

/**
 * Trees and files on this machine that no attempt will go on with, and whose holder had no time to clear up.
 * @returns jobs of a fleet that run elsewhere by now, and have left something here
 */
export async function clearAtStart(parts: LocalParts): Promise<Set<JobId>> {
  const { leavings, bootId } = parts.stored
  const { podName } = parts.surroundings.settings
  if (leavings === 'kept') return await clear(parts, isFinal)
  const runsElsewhere = (job: Job): boolean =>
    job.status === 'running' && (job.podName !== podName || job.bootId === bootId)
  return await clear(parts, async job => {
    // Its agent may have outlived the server that died here; who takes the job back is on another machine.
    const last = runsElsewhere(job) ? job.fence - 1 : job.fence
    for (let fence = 1; fence <= last; fence++) await endProcesses(parts, job, fence)
    return !runsElsewhere(job)
  })
}

/** What was left here of those that have ended elsewhere. */
export async function clearEnded(parts: LocalParts, left: Set<JobId>): Promise<void> {
  for (const id of left) {
    const job = await parts.store.get(id)
    if (job && !isFinal(job)) continue
    if (job) await forgetPlaces(parts, job, { results: 'kept' })
    left.delete(id)
  }
}

/** @returns the others that have something here */
async function clear(parts: LocalParts, isUnused: (job: Job) => boolean | Promise<boolean>): Promise<Set<JobId>> {
  const { store, surroundings } = parts
  const { worktreeRoot } = surroundings.settings
  const roots = [worktreeRoot, join(worktreeRoot, '.runner'), jobPlaces(surroundings.settings).scratchRoot]
  const names = await Promise.all(roots.map(root => readdir(root).catch(() => [])))
  const jobs = await inBatches([...new Set(names.flat())].filter(isJobId), id => store.get(id).catch(() => undefined))
  const left = new Set<JobId>()
  for (const job of jobs) {
    if (job && (await isUnused(job))) await forgetPlaces(parts, job, { results: 'kept' })
    else if (job) left.add(job.id)
  }
  return left
}

/**
 * Tree, scratch and files of a job that has ended without a holder to clear up, or that is nobody's on this machine any
 * more. What cannot be removed is said.
 * @param what.results what a job without a repository made
 */
export async function forgetPlaces(
  parts: LocalParts,
  job: Job,
  { results }: { results: 'kept' | 'dropped' },
): Promise<void> {
  const made = resultsOf(parts, job)
  const { areJobFilesShared } = jobPlaces(parts.surroundings.settings)
  // Of a job that goes on elsewhere.
  const isTheirs = (place: string): boolean => areJobFilesShared && !isFinal(job) && place === filesOf(parts, job)
  for (const place of placesOf(parts, job).filter(each => results === 'dropped' || each !== made)) {
    if (isTheirs(place)) continue
    try {
      // An agent with a user of its own may have left it behind.
      await takeTree(place)
      await removeTree(place)
    } catch (error) {
      parts.warn(`${place} could not be removed: ${messageOf(error)}`)
    }
  }
}

/** The merged profile. */
const filesOf = ({ surroundings: { settings } }: LocalParts, { id }: Job): string =>
  join(jobPlaces(settings).jobFilesRoot, id)

/** Undefined for a job with a repository, whose results are in its branch. */
const resultsOf = (parts: LocalParts, job: Job): string | undefined =>
  job.repoUrl === '' ? filesOf(parts, job) : undefined

function placesOf(parts: LocalParts, job: Job): string[] {
  const { settings } = parts.surroundings
  const { tree, runnerRoot } = treePlaces(settings.worktreeRoot, job.id)
  return [tree, runnerRoot, join(jobPlaces(settings).scratchRoot, job.id), filesOf(parts, job)]
}
