import { wholeStart } from '../util/whole-start.ts'

const longest = 72

/** The first line of a task, cut at a word: the subject of its commit and the title of its pull request. */
export function titleOf(task: string): string {
  const line = task.trim().split('\n')[0]?.replace(/\s+/g, ' ').trim() ?? ''
  if (line.length <= longest) return line
  const words = wholeStart(line, longest - 1)
  const end = words.lastIndexOf(' ')
  return `${words.slice(0, end > longest / 2 ? end : undefined)}…`
}
