import { AgenticoreError } from '../jobs/errors.ts'
import type { RunnerEvent } from '../jobs/events.ts'
import type { Job, RunFacts } from '../jobs/job.ts'
import type { OnWait, PullRequests } from '../jobs/pull-request.ts'
import { titleOf } from '../jobs/title.ts'
import type { Change, ChangedFile, CommitMessage, WorkDone, Workspace } from '../jobs/workspace.ts'
import { messageOf } from '../util/error-code.ts'

export interface DeliveryParts {
  /** Without secrets: what is said of it becomes public. */
  readonly job: Job
  readonly done: WorkDone
  readonly workspace: Workspace
  readonly pullRequests: PullRequests
  readonly draft: boolean
  readonly labels: readonly string[]
  readonly diffPath: string
  readonly straysPath: string
  readonly signal: AbortSignal
  emit(event: RunnerEvent): Promise<void>
  /** Before anything is pushed: whoever comes after us, if we die, knows the commit for the job's own. */
  beforePush(sha: string): Promise<void>
  /** Facts that hold from now on, whatever happens next. */
  note(facts: RunFacts): void
}

export interface DeliveryOptions {
  /** What is known of the attempt so far, without secrets. */
  readonly run: RunFacts
  readonly pullRequest: 'wanted' | 'if open' | 'none'
  /** Why the work is not as it should be; without secrets. */
  readonly failure?: string
}

/**
 * Commit, push, pull request; each step can be repeated without a second effect. Once the branch is pushed the work is
 * delivered: a patch, an event or a pull request that fails after that is said, and not the job's failure.
 * @throws AgenticoreError `git_failed`, `push_denied`, `push_rejected`, `origin_*`
 */
export async function deliver(parts: DeliveryParts, options: DeliveryOptions): Promise<void> {
  const { workspace, signal, emit, note } = parts
  const change = await workspace.commit(messageFor(parts), signal)
  await keepStrays(parts, change)
  if (!change) {
    await emit({ type: 'nothing_changed' })
    return note({ changedFiles: 0 })
  }
  if (change.unread.length > 0) {
    await saveChange(parts, change)
    throw incomplete(change.unread)
  }
  await parts.beforePush(change.sha)
  // Side by side, and both to their end: the patch is wanted most when the push fails.
  const [saved, pushed] = await Promise.allSettled([saveChange(parts, change), workspace.push(change, signal)])
  if (pushed.status === 'rejected') throw pushed.reason
  note({ headSha: change.sha })
  if (saved.status === 'rejected')
    await tell(parts, { type: 'warning', message: `No patch: ${messageOf(saved.reason)}` })
  await tell(parts, { type: 'pushed', branch: workspace.branch, sha: change.sha, hint: pushed.value.hint })
  if (options.pullRequest === 'none') return
  const files = saved.status === 'fulfilled' ? saved.value : []
  const run = { ...options.run, headSha: change.sha, changedFiles: files.length }
  note(await openPullRequest(parts, files, { ...options, run }))
}

/** The work of an attempt that is not delivered: a patch beside its events. */
export async function keepChange(parts: DeliveryParts): Promise<void> {
  const change = await parts.workspace.commit(messageFor(parts), parts.signal)
  await keepStrays(parts, change)
  if (change) await saveChange(parts, change)
}

/** Work nobody would find again once the tree is gone. */
async function keepStrays(parts: DeliveryParts, change: Change | undefined): Promise<void> {
  const { workspace, straysPath, signal } = parts
  try {
    const names = await workspace.keepStrays(change, straysPath, signal)
    if (names.length === 0) return
    const how = `git fetch ${straysPath} 'refs/left/*:refs/left/*'`
    await tell(parts, {
      type: 'warning',
      message: `The agent left commits outside its branch (${names.join(', ')}). They are not delivered, but kept: ${how}`,
    })
  } catch (error) {
    signal.throwIfAborted()
    const message = `Commits the agent left outside its branch could not be kept: ${messageOf(error)}`
    await tell(parts, { type: 'warning', message })
  }
}

function incomplete(unread: readonly string[]): AgenticoreError {
  const shown = unread.slice(0, 5).join(' / ')
  return new AgenticoreError(
    'git_failed',
    `Some of what the agent left could not be read, so nothing was pushed: ${shown}`,
  )
}

/** For what happens after the work is delivered: a log that cannot be written takes nothing of it back. */
async function tell({ emit }: DeliveryParts, event: RunnerEvent): Promise<void> {
  await emit(event).catch(() => undefined)
}

async function saveChange(parts: DeliveryParts, change: Change): Promise<ChangedFile[]> {
  const files = await parts.workspace.saveDiff(change, parts.diffPath)
  parts.note({ changedFiles: files.length })
  await tell(parts, { type: 'committed', sha: change.sha, changedFiles: files.length })
  for (const { path } of files.filter(file => file.isRepository)) {
    await tell(parts, {
      type: 'warning',
      message: `${path} is a repository of its own: its files are not in the branch.`,
    })
  }
  return files
}

async function openPullRequest(
  parts: DeliveryParts,
  files: ChangedFile[],
  { run, pullRequest, failure }: DeliveryOptions,
): Promise<RunFacts> {
  const { done, workspace, pullRequests, signal } = parts
  const job = { ...parts.job, ...run }
  if (!pullRequests.serves(job.repoUrl)) return {}
  try {
    const request = {
      job,
      doneBy: done.fence,
      head: workspace.branch,
      base: workspace.baseBranch,
      summary: job.output ?? '',
      files,
      draft: parts.draft,
      labels: parts.labels,
      ...(job.continues === undefined ? {} : { comment: commentOn(job, failure) }),
    }
    const onWait: OnWait = (reason, waitMs) => tell(parts, { type: 'pull_request_waits', reason, waitMs })
    const opened = await pullRequests[pullRequest === 'wanted' ? 'open' : 'update'](request, signal, onWait)
    if (!opened) return {}
    const { url: prUrl, warnings } = opened
    await tell(parts, { type: 'pull_request', url: prUrl })
    for (const message of warnings) await tell(parts, { type: 'warning', message })
    return { prUrl }
  } catch (error) {
    signal.throwIfAborted()
    const prError = messageOf(error)
    await tell(parts, { type: 'pull_request_failed', error: prError })
    return { prError }
  }
}

/** For the readers of a pull request that gets more commits. */
const commentOn = ({ task, output = '', headSha = '' }: Job, failure: string | undefined): string =>
  [
    output.trim() || 'The agent left no summary.',
    ...(failure === undefined ? [] : [`It does not pass: ${failure}`]),
    `Asked for was: ${titleOf(task)}. The branch is at ${headSha} now.`,
  ].join('\n\n')

const messageFor = ({ job, done }: DeliveryParts): CommitMessage => ({
  subject: titleOf(job.task),
  trailer: `Agenticore-Job: ${job.id}/${done.fence}`,
  at: done.at,
})
