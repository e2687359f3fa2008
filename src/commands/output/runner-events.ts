import type { JobEvent } from '../../api/wire.ts'
import { printable } from '../../util/printable.ts'
import { note, type Shown, sent, warning } from './shown.ts'
import { clockTime, duration, plural, shortSha } from './text.ts'

/** What agenticore did; undefined for what the agent did. */
export function showRunnerEvent(event: JobEvent): Shown | undefined {
  switch (event.type) {
    case 'claimed':
      return note(`attempt ${event.attempt} starts on ${event.podName}`)
    case 'workspace_ready':
      return note(workspace(event))
    case 'setup':
    case 'verify':
      return shellResult(event)
    case 'work_found':
      return note(`the agent was done in attempt ${event.doneBy}: what it left is delivered`)
    case 'committed':
      return note(`${plural(event.changedFiles, 'file')} changed, commit ${shortSha(event.sha)}`)
    case 'nothing_changed':
      return note('nothing changed, so there is nothing to push')
    case 'pushed':
      return sent(`pushed ${event.branch}${event.hint === '' ? '' : `\n${event.hint}`}`)
    case 'pull_request_waits':
      return note(`${event.reason}; next try in ${duration(event.waitMs)}`)
    case 'pull_request':
      return sent(`pull request ${event.url}`)
    case 'pull_request_failed':
      return warning(`no pull request: ${event.error}`)
    case 'warning':
      return warning(event.message)
    case 'released':
      return warning(`${event.reason}: back in the queue${until(event.notBefore)}`)
    case 'outcome':
      return event.status === 'succeeded' ? succeeded : ended(event)
    default:
      return undefined
  }
}

const until = (notBefore: string | undefined): string =>
  notBefore === undefined ? '' : `, not before ${clockTime(notBefore)}`

type Of<T extends JobEvent['type']> = Extract<JobEvent, { type: T }>

function workspace({ baseRef, baseSha, durationMs, cached, continued, branch }: Of<'workspace_ready'>): string {
  if (continued) return `goes on in the tree of the earlier attempt, branch ${branch}`
  const source = cached ? ' from the clone cache' : ''
  return `${baseRef || 'commit'} at ${shortSha(baseSha)} checked out in ${duration(durationMs)}${source}, branch ${branch}`
}

function shellResult({ type, ok, end, output, durationMs }: Of<'setup' | 'verify'>): Shown {
  if (ok) return note(`${type} succeeded in ${duration(durationMs)}`)
  const last = output.trimEnd().split('\n').slice(-20).join('\n')
  return warning(`${type} failed: ${end}${last === '' ? '' : `\n${last}`}`)
}

const succeeded: Shown = { mark: '✔', style: 'green', text: 'succeeded' }

const ended = ({ status, error }: Of<'outcome'>): Shown => ({
  mark: '✘',
  style: 'red',
  text: printable(error === undefined ? status : `${status}: ${error}`),
})
