import type { WriteStream } from 'node:tty'
import type { JobEvent } from '../../api/wire.ts'
import { oneLine } from '../../util/printable.ts'
import { describeInput } from './agent-events.ts'
import { paintFor } from './colour.ts'
import { renderEvent } from './events.ts'
import { duration, widthOf } from './text.ts'

const frames = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏']
const frameMs = 100
const clearLine = '\r\u001b[2K'

/** A running job on standard error: a line an event, and, in a terminal, one that lives below them. */
export class Progress {
  readonly #stream: WriteStream
  readonly #startedMs = performance.now()
  #timer: NodeJS.Timeout | undefined
  #doing = 'preparing'
  #frame = 0

  constructor(stream: WriteStream) {
    this.#stream = stream
    if (stream.isTTY) this.#timer = setInterval(() => this.#draw(), frameMs)
  }

  event(event: JobEvent): void {
    this.#doing = doing(event) ?? this.#doing
    const line = renderEvent(event, paintFor(this.#stream), widthOf(this.#stream))
    if (line !== undefined) this.say(line)
  }

  say(line: string): void {
    this.#stream.write(this.#timer ? `${clearLine}${line}\n` : `${line}\n`)
    if (this.#timer) this.#draw()
  }

  stop(): void {
    if (!this.#timer) return
    clearInterval(this.#timer)
    this.#timer = undefined
    this.#stream.write(clearLine)
  }

  #draw(): void {
    this.#frame = (this.#frame + 1) % frames.length
    const passed = duration(Math.floor((performance.now() - this.#startedMs) / 1000) * 1000)
    const line = oneLine(`${frames[this.#frame]} ${passed} · ${this.#doing}`, widthOf(this.#stream) - 1)
    this.#stream.write(`${clearLine}${paintFor(this.#stream)('dim', line)}`)
  }
}

function doing(event: JobEvent): string | undefined {
  if (event.type === 'tool_call') return `${event.tool} ${describeInput(event.input)}`
  if (event.type === 'agent_started' || event.type === 'tool_result' || event.type === 'message')
    return 'the model is thinking'
  if (event.type === 'agent_result' || event.type === 'committed') return 'delivering'
  return undefined
}
