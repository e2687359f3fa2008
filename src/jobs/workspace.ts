import type { Lease, Slot } from './ports.ts'
import type { CheckoutWishes } from './profile.ts'

/** Checked-out repositories for jobs to work in. */
export interface Workspaces {
  /**
   * The tree of an earlier attempt where it is still there and whole, else a new one.
   * @throws AgenticoreError `origin_*`, `repository_empty`, `ref_not_found`, `git_failed`
   */
  open(lease: Lease, options: OpenWorkspace): Promise<Workspace>
  /** Removes what an earlier attempt has left of a tree that could not be opened. */
  forget(lease: Lease, slot: Slot | undefined): Promise<void>
}

export interface OpenWorkspace {
  readonly signal: AbortSignal
  /** Whose tree it becomes. */
  readonly slot?: Slot | undefined
  readonly checkout: CheckoutWishes
}

/** One job's tree. The agent may do what it likes in it; nothing here runs git with the tree's configuration. */
export interface Workspace {
  readonly path: string
  readonly branch: string
  /** The branch a pull request goes to. */
  readonly baseBranch: string
  readonly baseRef: string
  readonly baseSha: string
  readonly cached: boolean
  /** True when this is the tree of an earlier attempt, with what was done in it. */
  readonly continued: boolean
  /** True when the job goes on with a conversation, and its branch, with what that brought about, is not to be had. */
  readonly lacksEarlierWork: boolean
  /** What somebody who looks at the tree should know, such as files that are not there. */
  readonly warnings: readonly string[]
  /** That the agent has done its part in this tree: what is left is delivery, this attempt's or a later one's. */
  readonly done: WorkDone | undefined
  setDone(done: WorkDone): Promise<void>
  /** From now on a tree like this one is one in which nobody has done anything. @returns whether it differs from the base */
  noteIdle(signal: AbortSignal): Promise<boolean>
  /** If nobody has done anything up to now, nothing that comes later is work: `commit` finds none. */
  noteWork(signal: AbortSignal): Promise<void>
  /** Everything the agent did, committed or not, as one commit to push; undefined when nothing differs from the base. */
  commit(message: CommitMessage, signal: AbortSignal): Promise<Change | undefined>
  /**
   * Commits the agent left outside the branch (on branches of its own, stashed), kept as a git bundle with refs `refs/left/*`.
   * After `commit`.
   * @returns their names; empty, and nothing written, when there are none
   */
  keepStrays(change: Change | undefined, path: string, signal: AbortSignal): Promise<string[]>
  /** @throws AgenticoreError `push_denied`, `push_rejected`, `origin_*` */
  push(change: Change, signal: AbortSignal): Promise<Pushed>
  /** The difference to the base as a patch, written to `path`; @returns the same file by file */
  saveDiff(change: Change, path: string): Promise<ChangedFile[]>
  dispose(): Promise<void>
}

/** By which attempt the work was done, and when. */
export interface WorkDone {
  readonly fence: number
  readonly at: Date
}

/** The same work with the same message is the same commit. */
export interface CommitMessage {
  readonly subject: string
  readonly trailer: string
  readonly at: Date
}

export interface Change {
  readonly sha: string
  /** What git said of files it could not read; they are not in the change. */
  readonly unread: readonly string[]
}

export interface ChangedFile {
  readonly path: string
  /** Undefined for binary files. */
  readonly added?: number
  readonly removed?: number
  /** A repository in the repository: the change has only the commit it is at, none of its files. */
  readonly isRepository?: true
}

export interface Pushed {
  /** What the host says to do next, such as the address that opens a pull request; empty when it says nothing. */
  readonly hint: string
}
