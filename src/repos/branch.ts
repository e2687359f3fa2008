import type { Job } from '../jobs/job.ts'
import { shortId } from '../util/ids.ts'

const longestSlug = 40

/**
 * `agenticore/<short id>-<slug of the task>`: from the job, never from the attempt, so that a job has one branch. One that
 * continues another has that one's.
 */
export function branchFor(job: Job): string {
  if (job.branch !== '') return job.branch
  const slug = slugOf(job.task)
  return `agenticore/${shortId(job.id)}${slug === '' ? '' : `-${slug}`}`
}

/** The first words of the task as letters, digits and dashes. */
function slugOf(task: string): string {
  const words = task
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .match(/[a-z0-9]+/g)
  let slug = ''
  for (const word of words ?? []) {
    const longer = slug === '' ? word : `${slug}-${word}`
    if (longer.length > longestSlug) break
    slug = longer
  }
  return slug
}
