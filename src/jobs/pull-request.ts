import type { Job } from './job.ts'
import type { ChangedFile } from './workspace.ts'

export interface PullRequests {
  /** True when the host of the repository is one this can open pull requests on. */
  serves(repoUrl: string): boolean
  /**
   * Opens one, or finds the one that is open from that branch; labels it, and comments on one that somebody else or an
   * earlier attempt opened. Repeated, it changes nothing. May take minutes where the host asks to wait.
   * @param onWait told why, and for how long, before each wait
   * @throws Error whose message says what the host holds against it and what to do; never once it is open
   */
  open(request: PullRequest, signal: AbortSignal, onWait?: OnWait): Promise<OpenedPullRequest>
  /** As `open`, for one that is open: undefined when none is. */
  update(request: PullRequest, signal: AbortSignal, onWait?: OnWait): Promise<OpenedPullRequest | undefined>
}

export type OnWait = (reason: string, waitMs: number) => Promise<void>

export interface OpenedPullRequest {
  readonly url: string
  /** What of the request was not done: no draft, no labels, no comment. */
  readonly warnings: readonly string[]
}

export interface PullRequest {
  readonly job: Job
  readonly head: string
  readonly base: string
  readonly summary: string
  readonly files: readonly ChangedFile[]
  /** Where the repository takes no drafts, it is opened as an ordinary one. */
  readonly draft: boolean
  /** Added to those it has. */
  readonly labels: readonly string[]
  /** What to say on a pull request that was open before this attempt, once for each `doneBy`. */
  readonly comment?: string
  /** The attempt that did the work. */
  readonly doneBy: number
}
