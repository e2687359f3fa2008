import type { Isolation } from './isolation.ts'
import type { Job } from './jobs/job.ts'
import type { LocalParts } from './parts.ts'
import { isFile } from './util/is-file.ts'

/** What a command and a daemon say alike of the jobs they have. */

/** Where the changes of the latest attempt are kept as a patch; undefined when there are none. */
export async function patchOf({ journal }: LocalParts, job: Job): Promise<string | undefined> {
  const path = journal.diffPath({ job, fence: job.fence })
  return (await isFile(path)) ? path : undefined
}

/** Where jobs are kept, what keeps several processes from doing the same, and who agents run as. */
export const standsOn = ({ stored, surroundings: { settings } }: LocalParts, isolation: Isolation) => ({
  store: stored.kind,
  locks: stored.lock && settings.sharedFsRoot !== '' ? 'Redis' : 'files',
  isolation: isolation.kind,
  missing: isolation.kind === 'none' ? [...isolation.missing] : [],
})
