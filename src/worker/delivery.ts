import type { RunnerEvent } from '../jobs/events.ts'
import type { Job, RunFacts } from '../jobs/job.ts'
import type { Change, CommitMessage, Lease, PullRequests, Workspace } from '../jobs/ports.ts'
import { titleOf } from '../jobs/title.ts'
import { messageOf } from '../util/error-code.ts'

export interface DeliveryParts {
  readonly lease: Lease
  readonly workspace: Workspace
  readonly pullRequests: PullRequests
  readonly diffPath: string
  readonly signal: AbortSignal
  emit(event: RunnerEvent): Promise<void>
}

/**
 * Commit, push, pull request; each step can be repeated without a second effect. A pull request that fails is not the
 * job's failure: the branch is there, and the reason is in `prError`.
 * @throws AgenticoreError `git_failed`, `push_denied`, `push_rejected`, `origin_*`
 */
export async function deliver(parts: DeliveryParts, run: RunFacts): Promise<RunFacts> {
  const { workspace, signal, emit } = parts
  const change = await keepChange(parts)
  if (!change) {
    await emit({ type: 'nothing_changed' })
    return { changedFiles: 0 }
  }
  const { hint } = await workspace.push(change, signal)
  await emit({ type: 'pushed', branch: workspace.branch, sha: change.sha, hint })
  const facts = { headSha: change.sha, changedFiles: change.files.length }
  return { ...facts, ...(await openPullRequest(parts, change, { ...run, ...facts })) }
}

/** The work as a commit and as a patch beside the job's events, whether or not it is delivered. */
export async function keepChange({
  lease,
  workspace,
  diffPath,
  signal,
  emit,
}: DeliveryParts): Promise<Change | undefined> {
  const change = await workspace.commit(messageFor(lease), signal)
  if (!change) return undefined
  await workspace.saveDiff(change, diffPath)
  await emit({ type: 'committed', sha: change.sha, changedFiles: change.files.length })
  return change
}

async function openPullRequest(parts: DeliveryParts, change: Change, run: RunFacts): Promise<RunFacts> {
  const { lease, workspace, pullRequests, signal, emit } = parts
  if (!pullRequests.serves(lease.job.repoUrl)) return {}
  try {
    const job: Job = { ...lease.job, ...run }
    const request = {
      job,
      head: workspace.branch,
      base: workspace.baseBranch,
      summary: run.output ?? '',
      files: change.files,
    }
    const prUrl = await pullRequests.open(request, signal)
    await emit({ type: 'pull_request', url: prUrl })
    return { prUrl }
  } catch (error) {
    signal.throwIfAborted()
    const prError = messageOf(error)
    await emit({ type: 'pull_request_failed', error: prError })
    return { prError }
  }
}

const messageFor = ({ job, fence }: Lease): CommitMessage => ({
  subject: titleOf(job.task),
  trailer: `Agenticore-Job: ${job.id}/${fence}`,
})
