import { createHash } from 'node:crypto'
import { isTree } from './set-flag.ts'

/** Ten digits that are others when anything in it is: of its JSON, keys sorted, as Helm's `toJson | sha256sum` has it. */
export const digestOf = (held: unknown): string =>
  createHash('sha256').update(canonical(held)).digest('hex').slice(0, 10)

function canonical(held: unknown): string {
  if (Array.isArray(held)) return `[${held.map(canonical).join(',')}]`
  if (isTree(held)) {
    const keys = Object.keys(held).sort()
    return `{${keys.map(key => `${quoted(key)}:${canonical(held[key])}`).join(',')}}`
  }
  return typeof held === 'string' ? quoted(held) : JSON.stringify(held)
}

/** Go writes these three as escapes. */
const quoted = (text: string): string =>
  JSON.stringify(text).replace(
    /[<>&\u2028\u2029]/g,
    letter => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
