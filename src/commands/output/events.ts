import type { JobEvent } from '../../api/wire.ts'
import { showAgentEvent } from './agent-events.ts'
import type { Paint } from './colour.ts'
import { showRunnerEvent } from './runner-events.ts'

/** One event for a person to read; undefined for those that say nothing to one. May be several lines. */
export function renderEvent(event: JobEvent, paint: Paint): string | undefined {
  const shown = showRunnerEvent(event) ?? showAgentEvent(event)
  if (!shown) return undefined
  const time = paint('dim', event.at.slice(11, 19))
  const [first = '', ...rest] = shown.text.split('\n')
  const indent = ' '.repeat(11)
  return [`${time} ${paint(shown.style, shown.mark)} ${first}`, ...rest.map(line => `${indent}${line}`)].join('\n')
}
