import type { Job } from '../../api/wire.ts'
import { shortId } from '../../util/ids.ts'
import { printable } from '../../util/printable.ts'
import type { Paint, Style } from './colour.ts'
import { dollars, duration, plural, shortSha } from './text.ts'

const styles: Readonly<Record<Job['status'], Style>> = {
  queued: 'yellow',
  running: 'cyan',
  succeeded: 'green',
  failed: 'red',
  cancelled: 'yellow',
  expired: 'red',
}

/** A name, what stands beside it, and how that is painted. */
type Row = readonly [name: string, value: string, style?: Style]

/** How it went, in the order a person asks: outcome, what it cost, where the work is, what the agent says. */
export function renderOutcome(job: Job, paint: Paint, withOutput: boolean): string {
  const spent = [
    ...(job.durationMs === undefined ? [] : [duration(job.durationMs)]),
    ...(job.numTurns === undefined ? [] : [plural(job.numTurns, 'turn')]),
    ...(job.totalCostUsd === undefined ? [] : [dollars(job.totalCostUsd)]),
  ]
  const head = `${paint(styles[job.status], job.status)}${spent.length > 0 ? `  ${paint('dim', spent.join(' · '))}` : ''}`
  const rows: Row[] = [['job', shortId(job.id)], ...deliveryRows(job), ...errorRows(job)]
  const output = withOutput && job.status === 'succeeded' && job.output ? `\n\n${printable(job.output)}` : ''
  return `${head}\n${lines(rows, paint)}${output}`
}

/** Everything about one job. */
export function renderJob(job: Job, paint: Paint): string {
  const rows: Row[] = [
    [
      'status',
      job.status + (job.queuePosition === undefined ? '' : ` (${job.queuePosition} in the queue)`),
      styles[job.status],
    ],
    ['task', job.task.trim()],
    ['repository', job.repoUrl],
    ['base', [job.baseRef, job.baseSha && shortSha(job.baseSha)].filter(Boolean).join(' at ')],
    ...deliveryRows(job),
    ['pod', job.podName],
    ['model', job.modelUsed ?? job.model ?? ''],
    ['created', job.createdAt],
    ['started', job.startedAt ?? ''],
    ['ended', job.endedAt ?? ''],
    ['took', job.durationMs === undefined ? '' : duration(job.durationMs)],
    ['turns', job.numTurns === undefined ? '' : String(job.numTurns)],
    ['cost', job.totalCostUsd === undefined ? '' : dollars(job.totalCostUsd)],
    ...errorRows(job),
  ]
  const output = job.output ? `\n\n${printable(job.output)}` : ''
  return `${lines([['job', job.id], ...rows], paint)}${output}`
}

function deliveryRows(job: Job): Row[] {
  if (job.status === 'succeeded' && job.repoUrl !== '' && job.headSha === undefined)
    return [['changes', 'none: nothing was pushed']]
  if (job.headSha === undefined) return []
  return [
    ['branch', `${job.branch} at ${shortSha(job.headSha)}`],
    ['changes', plural(job.changedFiles ?? 0, 'file')],
    ['pull request', job.prUrl ?? (job.prError ? `none: ${job.prError}` : '')],
  ]
}

const errorRows = (job: Job): Row[] =>
  job.errorCode === undefined ? [] : [['error', `${job.error} [${job.errorCode}]`]]

/** The rows that say something. Whatever a value holds, it does nothing to the terminal. */
function lines(rows: readonly Row[], paint: Paint): string {
  const filled = rows.filter(([, value]) => value !== '')
  const width = Math.max(...filled.map(([name]) => name.length))
  const line = ([name, value, style = 'reset']: Row): string =>
    `  ${paint('dim', name.padEnd(width))}  ${paint(style, indent(printable(value), width + 4))}`
  return filled.map(line).join('\n')
}

const indent = (text: string, by: number): string => text.replaceAll('\n', `\n${' '.repeat(by)}`)
