import type { JobEvent } from '../../api/wire.ts'
import { oneLine, printable } from '../../util/printable.ts'
import { note, type Shown, warning } from './shown.ts'
import { duration } from './text.ts'

const inputKeys = ['command', 'file_path', 'path', 'pattern', 'url', 'query', 'description', 'prompt'] as const

/** What the agent did; undefined for what agenticore did, and for what says nothing to a person. */
export function showAgentEvent(event: JobEvent, width: number): Shown | undefined {
  switch (event.type) {
    case 'agent_started':
      return note(`Claude Code ${event.claudeVersion} starts with ${event.model}`)
    case 'message':
      return message(event.text)
    case 'thinking':
      return { mark: '…', style: 'dim', text: oneLine(event.text, width) }
    case 'tool_call':
      return {
        mark: '▶',
        style: 'blue',
        text: brief(`${event.tool} ${describeInput(event.input)}`, width),
      }
    case 'tool_result':
      return { ...(event.ok ? done : refused), text: brief(event.text, width) || '(no output)' }
    case 'permission_denied':
      return warning(`${event.tool} was not allowed: ${oneLine(event.reason, width)}`)
    case 'model_fallback':
      return warning(`${event.from} is replaced by ${event.to}: ${oneLine(event.reason, width)}`)
    case 'compacted':
      return note('the conversation was condensed')
    case 'model_retry':
      return warning(retry(event))
    default:
      return undefined
  }
}

/** A job's tree is a directory named by its id; within it, the path from there says all. */
const treePath = /\/[^\s"']*\/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\//g

/** Cut first: looking for paths takes time that grows faster than the text. */
const brief = (text: string, width: number): string =>
  oneLine(text.slice(0, 4 * width + 1000).replace(treePath, ''), width)

/** The one value of a tool's input that says what it is about. */
export function describeInput(input: unknown): string {
  if (typeof input !== 'object' || input === null) return ''
  const values: unknown[] = inputKeys.map(key => Reflect.get(input, key))
  return values.find(value => typeof value === 'string') ?? JSON.stringify(input)
}

const done = { mark: '✓', style: 'dim' } as const
const refused = { mark: '✗', style: 'yellow' } as const

function message(text: string): Shown | undefined {
  const said = printable(text).trim()
  return said === '' ? undefined : { mark: '●', style: 'cyan', text: said }
}

function retry({ status, attempt, delayMs }: Extract<JobEvent, { type: 'model_retry' }>): string {
  const why = status === undefined ? '' : ` (${status})`
  return `the model did not answer${why}; try ${attempt} in ${duration(delayMs)}`
}
