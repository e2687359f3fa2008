import { type Job, remedyFor } from '../../api/wire.ts'
import { shortId } from '../../util/ids.ts'

/** For a job that did not succeed: what is kept, and what can be done. @param patch where its changes are */
export function whatNow(job: Job, patch?: string): string {
  const id = shortId(job.id)
  const resume = job.status === 'queued' ? [`To run it again:       agenticore resume ${id}`] : []
  return [
    '',
    ...(job.status === 'queued' ? ['Interrupted. The job is back in the queue.'] : []),
    ...(job.errorCode === undefined ? [] : [remedyFor(job.errorCode)]),
    `What the agent did:    agenticore logs ${id}`,
    ...(patch === undefined ? [] : [`What it had changed:   ${patch}`]),
    ...resume,
  ].join('\n')
}
