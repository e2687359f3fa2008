import type { Job } from '../jobs/job.ts'
import type { PullRequest } from '../jobs/pull-request.ts'
import { titleOf } from '../jobs/title.ts'
import type { ChangedFile } from '../jobs/workspace.ts'
import { shortId } from '../util/ids.ts'

const longestTask = 8_000
const longestSummary = 20_000
const mostFiles = 50
/** In characters; with the two above it stays below the 65,536 that GitHub takes. */
const longestTable = 15_000
const longestComment = 60_000

/** Title and body for somebody who has not seen the job: what was asked, what was done, which files, at what cost. */
export function describe(request: PullRequest): { title: string; body: string } {
  const { job, files } = request
  const body = [
    request.summary.trim() === '' ? 'The agent left no summary.' : clip(request.summary.trim(), longestSummary),
    `## Task\n\n${quote(clip(job.task.trim(), longestTask))}`,
    `## Changed files (${files.length})\n\n${table(files)}`,
    ...continuation(job),
    `---\n${footer(request)}`,
    markerOf(request),
  ].join('\n\n')
  return { title: titleOf(job.task), body }
}

/** The comment of the request, with a marker by which the attempt finds it again. */
export function commentFor(request: PullRequest): string | undefined {
  const { comment } = request
  return comment === undefined ? undefined : `${clip(comment, longestComment)}\n\n${markerOf(request)}`
}

/** Not shown by GitHub: which attempt wrote the text it stands in. */
export const markerOf = ({ job, doneBy }: PullRequest): string => `<!-- agenticore-job:${job.id}/${doneBy} -->`

function table(files: readonly ChangedFile[]): string {
  const rows: string[] = []
  let length = 0
  for (const file of files.slice(0, mostFiles)) {
    const row = `| ${code(file.path)} | ${counts(file)} |`
    length += row.length
    if (length > longestTable) break
    rows.push(row)
  }
  const more = files.length > rows.length ? [`| … and ${files.length - rows.length} more | |`] : []
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

/** How somebody who reads it goes on with the conversation, ready to be pasted into a shell. */
function continuation({ repoUrl, sessionId }: Job): string[] {
  if (sessionId === undefined) return []
  const command = `agenticore run "…" --repo ${shellWord(repoUrl)} --session-id ${shellWord(sessionId)}`
  return [`To go on with this conversation on this branch:\n\n${codeBlock(command)}`]
}

const shellWord = (text: string): string =>
  /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`

/** In a fence longer than any in the text, which so cannot close it. */
function codeBlock(text: string): string {
  const longest = Math.max(2, ...(text.match(/`+/g) ?? []).map(run => run.length))
  const fence = '`'.repeat(longest + 1)
  return `${fence}sh\n${text}\n${fence}`
}

const quote = (text: string): string => text.replace(/^/gm, '> ')
const clip = (text: string, length: number): string =>
  text.length <= length ? text : `${text.slice(0, length)}\n\n… (cut)`
