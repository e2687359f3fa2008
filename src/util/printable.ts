import { stripVTControlCharacters } from 'node:util'
import { wholeStart } from './whole-start.ts'

/** C0 (but tab and newline), DEL, C1, and the bidirectional overrides that make text read as something else. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what has to go
const unprintable = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g

/** Text from an agent, a repository or a server, safe to print to a terminal: no escape sequence, no control character. */
export const printable = (text: string): string => stripVTControlCharacters(text).replace(unprintable, '')

/** JSON that says the same and is safe to print: what `printable` would drop is escaped. */
export const printableJson = (json: string): string =>
  json.replace(unprintable, character => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`)

/** The same on one line of at most `width` characters. */
export function oneLine(text: string, width: number): string {
  const line = printable(text).replace(/\s+/g, ' ').trim()
  return line.length > width ? `${wholeStart(line, width - 1)}…` : line
}
