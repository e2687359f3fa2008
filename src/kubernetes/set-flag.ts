import { ValuesError } from './values-error.ts'

export type Tree = { [key: string]: unknown }

/** Of `servers[0].name`: `servers`, 0, `name`. */
type Step = string | number

const mostItems = 1000

/**
 * What `--set a.b=1,c={x,y},d[0].e=z` says, laid over `onto`, with the rules of Helm: a comma separates, a backslash
 * takes its meaning from what follows, whole numbers, `true`, `false` and `null` are what they look like, the rest is text.
 * @throws ValuesError
 */
export function setInto(onto: Tree, text: string): void {
  const reading = new Reading(text)
  while (!reading.isOver) {
    const path = reading.path()
    place(onto, path, reading.value())
  }
}

class Reading {
  readonly #text: string
  #at = 0

  constructor(text: string) {
    this.#text = text
  }

  get isOver(): boolean {
    return this.#at >= this.#text.length
  }

  path(): Step[] {
    const steps: Step[] = []
    for (;;) {
      const word = this.#until('.=[,')
      if (word !== '') steps.push(word)
      const end = this.#next()
      if (end === '[') steps.push(this.#index())
      else if (end === '=' && steps.length > 0) return steps
      else if (end !== '.') throw new ValuesError(`--set ${this.#text}: this has to be name=value.`)
    }
  }

  value(): unknown {
    if (this.#text[this.#at] !== '{') {
      const text = this.#until(',')
      this.#at++
      return typed(text)
    }
    this.#at++
    const items: unknown[] = []
    for (;;) {
      const text = this.#until(',}')
      const end = this.#next()
      if (end === undefined) throw new ValuesError(`--set ${this.#text}: the list is not closed by }.`)
      if (end === ',' || text !== '' || items.length > 0) items.push(typed(text))
      if (end === '}') break
    }
    if (!this.isOver && this.#next() !== ',') throw new ValuesError(`--set ${this.#text}: after a list comes a comma.`)
    return items
  }

  #index(): number {
    const digits = this.#until(']')
    this.#at++
    const index = /^\d+$/.test(digits) ? Number(digits) : Number.NaN
    if (index < mostItems) return index
    throw new ValuesError(`--set ${this.#text}: [${digits}] is no place in a list.`)
  }

  /** Up to one of these, not taken; what a backslash stands before is none of them. */
  #until(ends: string): string {
    let word = ''
    for (; this.#at < this.#text.length; this.#at++) {
      const letter = this.#text[this.#at] ?? ''
      if (letter === '\\') word += this.#text[++this.#at] ?? ''
      else if (ends.includes(letter)) break
      else word += letter
    }
    return word
  }

  #next(): string | undefined {
    return this.#text[this.#at++]
  }
}

function typed(text: string): unknown {
  if (text === 'true' || text === 'false') return text === 'true'
  if (text === 'null') return null
  return /^(0|-?[1-9]\d{0,14})$/.test(text) ? Number(text) : text
}

function place(into: Tree | unknown[], [step = '', ...rest]: readonly Step[], value: unknown): void {
  if (rest.length === 0) put(into, step, value)
  else {
    // Else `__proto__` would be what every object has.
    const held: unknown = Object.hasOwn(into, step) ? Reflect.get(into, step) : undefined
    const inner = typeof rest[0] === 'number' ? listOf(held) : treeOf(held)
    put(into, step, inner)
    place(inner, rest, value)
  }
}

const listOf = (held: unknown): unknown[] => (Array.isArray(held) ? held : [])
const treeOf = (held: unknown): Tree => (isTree(held) ? held : {})

function put(into: Tree | unknown[], step: Step, value: unknown): void {
  Object.defineProperty(into, step, { value, enumerable: true, configurable: true, writable: true })
}

export const isTree = (held: unknown): held is Tree => typeof held === 'object' && held !== null && !Array.isArray(held)
