import type { Job, JobId } from '../../jobs/job.ts'
import type { ListQuery } from '../../jobs/ports.ts'
import type { JobService } from '../../jobs/service.ts'

/** Tasks can be half a megabyte each; a page ends early rather than grow beyond this. */
const mostChars = 8 * 1024 * 1024
const atOnce = 20

/** Jobs of a listing, and the one to go on after when there may be more. */
export async function pageOf(
  service: Pick<JobService, 'list'>,
  query: ListQuery,
): Promise<{ jobs: Job[]; next: JobId | undefined }> {
  const jobs: Job[] = []
  let chars = 0
  for (let before = query.before; jobs.length < query.limit && chars < mostChars; ) {
    const limit = Math.min(atOnce, query.limit - jobs.length)
    const some = await service.list({ ...query, limit, ...(before === undefined ? {} : { before }) })
    jobs.push(...some)
    for (const job of some) chars += job.task.length
    before = some.at(-1)?.id
    if (some.length < limit) return { jobs, next: undefined }
  }
  return { jobs, next: jobs.at(-1)?.id }
}
