import type { ShellResult } from '../jobs/agent.ts'
import type { Job } from '../jobs/job.ts'
import type { Profile } from '../jobs/profile.ts'
import type { Workspace } from '../jobs/workspace.ts'

/** What the agent is told beside its task: where it is, and what happens with what it leaves behind. */
export function briefing(workspace: Workspace | undefined, { autoPr, verify }: Profile): string {
  const common =
    'You run unattended: nobody can answer questions, so decide, and say in your last message what you decided.'
  if (!workspace) return `${common}\nYour working directory is yours; there is no repository.\n`
  const lines = [
    common,
    `Your working directory is a git repository on branch ${workspace.branch}, which starts at ${workspace.baseRef || workspace.baseSha}.`,
    'What you change, commit on this branch in commits a reviewer can follow; what you leave uncommitted is committed for you.',
    `Do not push${autoPr ? ' and do not open a pull request: both are' : ': that is'} done for you when you are finished.`,
    ...(verify === undefined ? [] : [`Your work is checked with \`${verify}\` then; run it before you finish.`]),
    autoPr
      ? 'Your last message becomes the text of the pull request: say what you changed, why, and how you checked it.'
      : 'Your last message is what whoever gave you the task reads.',
  ]
  return `${lines.join('\n')}\n`
}

/** How an attempt begins: anew, in a tree that somebody left, in the middle of a conversation, or after the end of one. */
export type Beginning = 'new' | 'in a used tree' | 'resumed' | Continued

type Continued = 'follow-up' | 'follow-up without its work'

export const isContinued = (beginning: Beginning): beginning is Continued => beginning.startsWith('follow-up')

/** What the agent is asked to do. */
export function promptFor({ task }: Job, beginning: Beginning): string {
  if (beginning === 'new' || beginning === 'follow-up') return task
  if (beginning === 'follow-up without its work') {
    return `${task}\n\n(Your working directory has nothing of what your earlier run made or changed: it starts anew.)`
  }
  const look = 'Look at `git status` and `git log` before you repeat anything.'
  if (beginning === 'in a used tree') {
    return `${task}\n\n(An earlier run of this task was interrupted; what it did is in the working directory. ${look})`
  }
  return `Your last run was interrupted, perhaps in the middle of a tool call; its outcome is unknown. ${look}
Then go on with the task:

${task}`
}

/** What the agent is asked after the profile's check has failed. */
export const promptToMend = (command: string, { end, output }: ShellResult): string =>
  `Your work was checked with \`${command}\`, and it failed (${end}). What it printed last:

${output.trim() || '(nothing)'}

Find out why, mend it, and run the check again before you finish.`
