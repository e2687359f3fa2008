import type { JobEvent } from '../../api/wire.ts'
import { showAgentEvent } from './agent-events.ts'
import type { Paint } from './colour.ts'
import { showRunnerEvent } from './runner-events.ts'
import { clockTime } from './text.ts'

/** `14:02:11 ▶ `: the local time, and a mark. */
const indent = ' '.repeat(11)

/**
 * One event for a person to read; undefined for those that say nothing to one. May be several lines.
 * @param width columns there are; what tools were given and gave is cut to fit on a line of it
 */
export function renderEvent(event: JobEvent, paint: Paint, width: number): string | undefined {
  const shown = showRunnerEvent(event) ?? showAgentEvent(event, width - indent.length)
  if (!shown) return undefined
  const time = paint('dim', clockTime(event.at))
  const [first = '', ...rest] = shown.text.split('\n')
  return [`${time} ${paint(shown.style, shown.mark)} ${first}`, ...rest.map(line => `${indent}${line}`)].join('\n')
}
