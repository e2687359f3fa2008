import type { Readable } from 'node:stream'
import { StringDecoder } from 'node:string_decoder'

/** A line, or what is known of one that was longer than the limit and was dropped. */
export type Line = { readonly text: string } | { readonly droppedBytes: number }

/** The lines of a stream, read no faster than they are taken, each in bounded memory. */
export async function* lines(stream: Readable, maxLineBytes: number): AsyncGenerator<Line> {
  const decoder = new StringDecoder('utf8')
  let parts: string[] = []
  let length = 0
  for await (const chunk of stream) {
    const [first = '', ...rest] = decoder.write(chunk).split('\n')
    for (const [index, part] of [first, ...rest].entries()) {
      if (index > 0) {
        yield whole(parts, length, maxLineBytes)
        parts = []
        length = 0
      }
      length += part.length
      if (length <= maxLineBytes) parts.push(part)
      else parts = []
    }
  }
  if (length > 0) yield whole(parts, length, maxLineBytes)
}

const whole = (parts: string[], length: number, limit: number): Line =>
  length > limit ? { droppedBytes: length } : { text: parts.join('') }
