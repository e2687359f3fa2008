import type { ChangedFile, PullRequest } from '../jobs/ports.ts'
import { titleOf } from '../jobs/title.ts'
import { shortId } from '../util/ids.ts'

const longestTask = 8_000
const longestSummary = 20_000
const mostFiles = 50

/** Title and body for somebody who has not seen the job: what was asked, what was done, which files, at what cost. */
export function describe(request: PullRequest): { title: string; body: string } {
  const { job, files } = request
  const body = [
    request.summary.trim() === '' ? 'The agent left no summary.' : clip(request.summary.trim(), longestSummary),
    `## Task\n\n${quote(clip(job.task.trim(), longestTask))}`,
    `## Changed files (${files.length})\n\n${table(files)}`,
    `---\n${footer(request)}`,
  ].join('\n\n')
  return { title: titleOf(job.task), body }
}

function table(files: readonly ChangedFile[]): string {
  const rows = files.slice(0, mostFiles).map(file => `| ${code(file.path)} | ${counts(file)} |`)
  const more = files.length > mostFiles ? [`| … and ${files.length - mostFiles} more | |`] : []
  return ['| file | lines |', '| --- | --- |', ...rows, ...more].join('\n')
}

const counts = ({ added, removed, isRepository }: ChangedFile): string =>
  isRepository
    ? 'a repository of its own, without its files'
    : added === undefined
      ? 'binary'
      : `+${added} −${removed ?? 0}`

/** As code, whatever the name holds: a file name is somebody else's text in the middle of our table. */
const code = (path: string): string =>
  `<code>${escapeHtml(path)
    .replace(/[\r\n]/g, '␤')
    .replaceAll('|', '&#124;')}</code>`

const escapeHtml = (text: string): string =>
  text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('`', '&#96;')
    .replaceAll('@', '&#64;')

function footer({ job }: PullRequest): string {
  const facts = [
    `job \`${shortId(job.id)}\``,
    ...(job.modelUsed === undefined ? [] : [`model ${job.modelUsed}`]),
    ...(job.numTurns === undefined ? [] : [`${job.numTurns} turns`]),
    ...(job.totalCostUsd === undefined ? [] : [`$${job.totalCostUsd.toFixed(2)}`]),
  ]
  return `Made by agenticore · ${facts.join(' · ')}`
}

const quote = (text: string): string => text.replace(/^/gm, '> ')
const clip = (text: string, length: number): string =>
  text.length <= length ? text : `${text.slice(0, length)}\n\n… (cut)`
