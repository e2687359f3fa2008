import type { RunnerEvent } from '../jobs/events.ts'
import type { Job, RunFacts } from '../jobs/job.ts'
import type { Change, ChangedFile, CommitMessage, Lease, PullRequests, Workspace } from '../jobs/ports.ts'
import { titleOf } from '../jobs/title.ts'
import { allDone } from '../util/all-done.ts'
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
  const change = await workspace.commit(messageFor(parts.lease), signal)
  if (!change) {
    await emit({ type: 'nothing_changed' })
    return { changedFiles: 0 }
  }
  // Side by side, and both to their end: the patch is wanted most when the push fails.
  const [files, { hint }] = await allDone([saveChange(parts, change), workspace.push(change, signal)])
  await emit({ type: 'pushed', branch: workspace.branch, sha: change.sha, hint })
  const facts = { headSha: change.sha, changedFiles: files.length }
  return { ...facts, ...(await openPullRequest(parts, files, { ...run, ...facts })) }
}

/** The work of an attempt that is not delivered: a patch beside its events. */
export async function keepChange(parts: DeliveryParts): Promise<void> {
  const change = await parts.workspace.commit(messageFor(parts.lease), parts.signal)
  if (change) await saveChange(parts, change)
}

async function saveChange({ workspace, diffPath, emit }: DeliveryParts, change: Change): Promise<ChangedFile[]> {
  const files = await workspace.saveDiff(change, diffPath)
  await emit({ type: 'committed', sha: change.sha, changedFiles: files.length })
  for (const { path } of files.filter(file => file.isRepository)) {
    await emit({ type: 'warning', message: `${path} is a repository of its own: its files are not in the branch.` })
  }
  return files
}

async function openPullRequest(parts: DeliveryParts, files: ChangedFile[], run: RunFacts): Promise<RunFacts> {
  const { lease, workspace, pullRequests, signal, emit } = parts
  if (!pullRequests.serves(lease.job.repoUrl)) return {}
  try {
    const job: Job = { ...lease.job, ...run }
    const request = {
      job,
      head: workspace.branch,
      base: workspace.baseBranch,
      summary: run.output ?? '',
      files,
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
