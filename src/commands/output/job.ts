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

export const status = (job: Job, paint: Paint): string => paint(styles[job.status], job.status)

/** How it went, in the order a person asks: outcome, what it cost, where the work is, what the agent says. */
export function renderOutcome(job: Job, paint: Paint, withOutput: boolean): string {
  const spent = [
    ...(job.durationMs === undefined ? [] : [duration(job.durationMs)]),
    ...(job.numTurns === undefined ? [] : [plural(job.numTurns, 'turn')]),
    ...(job.totalCostUsd === undefined ? [] : [dollars(job.totalCostUsd)]),
  ]
  const head = `${status(job, paint)}${spent.length > 0 ? `  ${paint('dim', spent.join(' · '))}` : ''}`
  const rows = [['job', shortId(job.id)], ...deliveryRows(job), ...errorRows(job)]
  const output = withOutput && job.status === 'succeeded' && job.output ? `\n\n${printable(job.output)}` : ''
  return `${head}\n${lines(rows, paint)}${output}`
}

/** Everything about one job. */
export function renderJob(job: Job, paint: Paint): string {
  const rows = [
    ['status', status(job, paint) + (job.queuePosition === undefined ? '' : ` (${job.queuePosition} in the queue)`)],
    ['task', printable(job.task).trim()],
    ['repository', job.repoUrl],
    ['base', [job.baseRef, job.baseSha && shortSha(job.baseSha)].filter(Boolean).join(' at ')],
    ...deliveryRows(job),
    ['pod', job.podName],
    ['model', job.model ?? ''],
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

function deliveryRows(job: Job): string[][] {
  if (job.status === 'succeeded' && job.repoUrl !== '' && job.headSha === undefined)
    return [['changes', 'none: nothing was pushed']]
  if (job.headSha === undefined) return []
  return [
    ['branch', `${job.branch} at ${shortSha(job.headSha)}`],
    ['changes', plural(job.changedFiles ?? 0, 'file')],
    ['pull request', job.prUrl ?? (job.prError ? `none: ${job.prError}` : '')],
  ]
}

const errorRows = (job: Job): string[][] =>
  job.errorCode === undefined ? [] : [['error', `${job.error} [${job.errorCode}]`]]

function lines(rows: readonly (readonly string[])[], paint: Paint): string {
  const filled = rows.filter(([, value]) => value)
  const width = Math.max(...filled.map(([name = '']) => name.length))
  return filled
    .map(([name = '', value = '']) => `  ${paint('dim', name.padEnd(width))}  ${indent(value, width + 4)}`)
    .join('\n')
}

const indent = (text: string, by: number): string => text.replaceAll('\n', `\n${' '.repeat(by)}`)
