import type { Agenticore } from './client/agenticore.ts'
import type { Finding } from './doctor.ts'
import type { Foreground } from './foreground.ts'
import { AgenticoreError } from './jobs/errors.ts'
import type { JobEvent } from './jobs/events.ts'
import { asKnown } from './jobs/failure.ts'
import { isFinal, type Job, type JobRequest } from './jobs/job.ts'
import type { Reaped } from './jobs/ports.ts'
import { patchOf, standsOn } from './local-view.ts'
import { type LocalParts, openParts } from './parts.ts'
import type { EffectiveProfile, ListedProfile } from './profiles/library.ts'
import { messageOf } from './util/error-code.ts'
import { shortId } from './util/ids.ts'

/** How long a command that has done its work may stay to tell others. */
const webhookLimitMs = 5000

/** Jobs on this machine's files, and the means to run one of them in this process. */
export interface LocalAgenticore extends Agenticore {
  /** What `--repo` means in this directory. @throws AgenticoreError `invalid_repo_url`, `git_missing` */
  resolveRepository(text: string, cwd: string): Promise<string>
  /** @throws AgenticoreError for what cannot be run here at all (no git, no claude, no credentials): nothing is kept then */
  submit(request: JobRequest): Promise<Job>
  /** The request as one that goes on with that conversation. @throws AgenticoreError `session_not_found`, `session_busy` */
  followUp(request: JobRequest, session: string): Promise<JobRequest>
  profiles(): Promise<ListedProfile[]>
  /** @throws AgenticoreError `profile_not_found`, `invalid_profile` */
  profile(name: string): Promise<EffectiveProfile>
  /** Runs a queued job to its end, or, when the signal aborts, puts it back. @throws AgenticoreError `job_not_queued` */
  run(job: Job, options: { signal: AbortSignal; onEvent(event: JobEvent): void }): Promise<Job>
  /** @throws AgenticoreError `job_not_found`, `ambiguous_id` */
  cancel(part: string): Promise<Job>
  /** The one that has waited longest first. */
  queued(): Promise<Job[]>
  /** A new job that asks for the same. */
  retry(part: string): Promise<Job>
  /** Where the changes of the latest attempt are kept as a patch; undefined when there are none. */
  patchOf(job: Job): Promise<string | undefined>
  status(): Promise<Status>
  /** How everything that is needed on this machine is. */
  examine(): Promise<Finding[]>
  /**
   * This process holds no job any more. If it has run or cancelled any, what the webhook has still to say gets one try;
   * that may take five seconds.
   */
  close(): Promise<void>
}

/**
 * What keeps the jobs directory from being used, as `doctor` says it; undefined when nothing does.
 * @throws SettingError
 */
export async function examineJobs(): Promise<Finding | undefined> {
  try {
    const parts = await openParts()
    await parts.store.close()
    return undefined
  } catch (error) {
    const known = asKnown(error)
    if (!(known instanceof AgenticoreError)) throw error
    return { check: 'jobs', status: 'error', message: known.message, remedy: known.remedy }
  }
}

export type Status = {
  readonly queued: number
  readonly running: number
  /** Where jobs are kept, and what keeps several processes from doing the same. */
  readonly store: string
  readonly locks: string
  /** Who agents run as. */
  readonly isolation: 'user' | 'none'
  /** What is missing for users of their own. */
  readonly missing: readonly string[]
}

/** @throws SettingError */
export async function openLocal({ warn }: { warn(message: string): void }): Promise<LocalAgenticore> {
  const parts = await openParts(undefined, { warn })
  const { service, store, surroundings } = parts
  for (const line of surroundings.unknown) warn(line)
  const recovery = () => import('./recovery.ts')
  if (await parts.stored.hasLeavings()) {
    const recovering = announce((await recovery()).recover(parts), warn)
    await recovering.catch(error =>
      warn(`What a process that is gone has left was not taken back: ${messageOf(error)}`),
    )
  }
  // What runs jobs is loaded when one is run: listing them is to be fast.
  let loaded: Promise<Foreground> | undefined
  const foreground = (): Promise<Foreground> => {
    loaded ??= import('./foreground.ts').then(module => module.foreground(parts))
    return loaded
  }
  let mayHaveEnded = false
  return {
    jobs: query => service.list(query),
    job: part => service.get(part),
    events: (part, options) => service.events(part, options),
    resolveRepository: async (text, cwd) => await (await foreground()).resolveRepository(text, cwd),
    async submit(request) {
      await (await foreground()).preflight()
      // A daemon on the same files is not to be faster.
      return await service.submit(request, { hold: true })
    },
    followUp: (request, session) => service.followUp(request, session),
    profiles: async () => await (await parts.profiles()).list(),
    profile: async name => await (await parts.profiles()).resolve(name),
    async run(job, options) {
      mayHaveEnded = true
      const ended = await (await foreground()).run(job, options)
      // The job has ended, whatever becomes of those that ended long ago.
      await (await recovery()).sweep(parts).catch(error => warn(`Old jobs were not deleted: ${messageOf(error)}`))
      return ended
    },
    async cancel(part) {
      mayHaveEnded = true
      const before = await service.get(part)
      const job = await service.cancel(part)
      // A running job is cleared up by its holder.
      if (isFinal(job) && before.status === 'queued') {
        await (await recovery()).forgetPlaces(parts, job, { results: 'kept' })
      }
      return job
    },
    async retry(part) {
      await (await foreground()).preflight()
      return await service.retry(part, { hold: true })
    },
    queued: async () => (await service.list({ limit: Number.POSITIVE_INFINITY, status: 'queued' })).toReversed(),
    async status() {
      const { isolationFor } = await import('./isolation.ts')
      const isolation = await isolationFor(surroundings)
      const { ready, delayed, running } = await service.stats()
      return {
        queued: ready + delayed,
        running,
        ...standsOn(parts, isolation),
      }
    },
    async examine() {
      const { checkAgent, findCredential } = await foreground()
      const { examine } = await import('./doctor.ts')
      return await examine({ ...parts, checkAgent, findCredential })
    },
    async close() {
      await store.close()
      if (mayHaveEnded) await tellOthers(parts)
    },
    patchOf: job => patchOf(parts, job),
  }
}

/** What cannot be told now waits in the outbox; that is no failure of the command. */
async function tellOthers({ webhook, warn }: LocalParts): Promise<void> {
  try {
    await (await webhook?.())?.flush({ limitMs: webhookLimitMs })
  } catch (error) {
    warn(`The webhook could not be sent: ${messageOf(error)}`)
  }
}

async function announce(reaping: Promise<Reaped[]>, warn: (message: string) => void): Promise<void> {
  for (const { job } of await reaping) {
    const id = shortId(job.id)
    const now =
      job.status === 'queued' ? `it is queued again; agenticore resume ${id} goes on with it` : `it is ${job.status}`
    warn(`The process that held job ${id} is gone: ${now}.`)
  }
}
