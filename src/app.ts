import type { Agenticore } from './client/agenticore.ts'
import type { Foreground } from './foreground.ts'
import type { JobEvent } from './jobs/events.ts'
import type { Job, JobRequest } from './jobs/job.ts'
import { openParts } from './parts.ts'
import { isFile } from './util/is-file.ts'

/** Jobs on this machine's files, and the means to run one of them in this process. */
export interface LocalAgenticore extends Agenticore {
  /** What `--repo` means in this directory. @throws AgenticoreError `invalid_repo_url`, `git_missing` */
  resolveRepository(text: string, cwd: string): Promise<string>
  /** @throws AgenticoreError for what cannot be run here at all (no git, no claude, no credentials): nothing is kept then */
  submit(request: JobRequest): Promise<Job>
  /** Runs a queued job to its end, or, when the signal aborts, puts it back. @throws AgenticoreError `job_not_queued` */
  run(job: Job, options: { signal: AbortSignal; onEvent(event: JobEvent): void }): Promise<Job>
  cancel(part: string): Promise<Job>
  /** Where the changes of the latest attempt are kept as a patch; undefined when there are none. */
  patchOf(job: Job): Promise<string | undefined>
  readonly defaults: { readonly jobTtlSeconds: number }
}

/** @throws SettingError */
export async function openLocal(): Promise<LocalAgenticore> {
  const parts = await openParts()
  const { service, surroundings } = parts
  // What runs jobs is loaded when one is run: listing them is to be fast.
  let loaded: Promise<Foreground> | undefined
  const foreground = (): Promise<Foreground> => {
    loaded ??= import('./foreground.ts').then(module => module.foreground(parts))
    return loaded
  }
  return {
    jobs: query => service.list(query),
    job: part => service.get(part),
    events: (part, follow) => service.events(part, follow),
    resolveRepository: async (text, cwd) => await (await foreground()).resolveRepository(text, cwd),
    async submit(request) {
      await (await foreground()).preflight()
      return await service.submit(request)
    },
    run: async (job, options) => await (await foreground()).run(job, options),
    cancel: part => service.cancel(part),
    async patchOf(job) {
      const path = parts.journal.diffPath({ job, fence: job.fence })
      return (await isFile(path)) ? path : undefined
    },
    defaults: { jobTtlSeconds: surroundings.settings.jobTtlSeconds },
  }
}
