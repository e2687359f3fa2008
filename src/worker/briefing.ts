import type { Job } from '../jobs/job.ts'
import type { Workspace } from '../jobs/ports.ts'

/** What the agent is told beside its task: where it is, and what happens with what it leaves behind. */
export function briefing(workspace: Workspace | undefined): string {
  const common =
    'You run unattended: nobody can answer questions, so decide, and say in your last message what you decided.'
  if (!workspace) return `${common}\nYour working directory is yours; there is no repository.\n`
  return `${common}
Your working directory is a git repository on branch ${workspace.branch}, which starts at ${workspace.baseRef || workspace.baseSha}.
Commit your work on this branch in commits a reviewer can follow; what you leave uncommitted is committed for you.
Do not push and do not open a pull request: both are done for you when you are finished.
Your last message becomes the text of the pull request: say what you changed, why, and how you checked it.
`
}

/** How an attempt begins: anew, in a tree that somebody left, or in the middle of a conversation. */
export type Beginning = 'new' | 'in a used tree' | 'resumed'

/** What the agent is asked to do. */
export function promptFor({ task }: Job, beginning: Beginning): string {
  if (beginning === 'new') return task
  const look = 'Look at `git status` and `git log` before you repeat anything.'
  if (beginning === 'in a used tree') {
    return `${task}\n\n(An earlier run of this task was interrupted; what it did is in the working directory. ${look})`
  }
  return `Your last run was interrupted, perhaps in the middle of a tool call; its outcome is unknown. ${look}
Then go on with the task:

${task}`
}
