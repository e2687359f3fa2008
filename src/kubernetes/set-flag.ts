import { ValuesError } from './values-error.ts'

export type Tree = { [key: string]: unknown }

/** Of `servers[0].name`: `servers`, 0, `name`. */
type Step = string | number

const mostItems = 1000

/**
 * What `--set a.b=1,c={x,y},d[0].e=z` says, put into `onto`, with the rules of Helm: a comma separates, a backslash takes
 * its meaning from what follows, whole numbers, `true`, `false` and `null` are what they look like, the rest is text.
 * @throws ValuesError
 */
export function setInto(onto: Tree, text: string): void {
  const reading = new Reading(text)
  while (!reading.isOver) {
    const path = reading.path()
    place(onto, path, reading.value(), text)
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
    const steps: Step[] = [this.#name()]
    for (;;) {
      const end = this.#next()
      if (end === '[') steps.push(this.#index())
      else if (end === '.') steps.push(this.#name())
      else if (end === '=') return steps
      else throw this.#refusal('this has to be name=value')
    }
  }

  value(): unknown {
    if (this.#text[this.#at] !== '{') {
      const text = this.#until(',')
      this.#at++
      return this.#typed(text)
    }
    this.#at++
    const items: unknown[] = []
    for (;;) {
      items.push(this.#typed(this.#until(',}')))
      const end = this.#next()
      if (end === undefined) throw this.#refusal('the list is not closed by }')
      if (end === '}') break
    }
    if (!this.isOver && this.#next() !== ',') throw this.#refusal('after a list comes a comma')
    return items
  }

  #name(): string {
    const word = this.#until('.=[,')
    if (word === '') throw this.#refusal('this has to be name=value')
    return word
  }

  #index(): number {
    const digits = this.#until(']')
    this.#at++
    const index = /^\d+$/.test(digits) ? Number(digits) : Number.NaN
    if (!(index < mostItems)) throw this.#refusal(`[${digits}] is no place in a list`)
    if (!'.[='.includes(this.#text[this.#at] ?? '.')) throw this.#refusal('after ] comes a dot, another [ or =')
    return index
  }

  #typed(text: string): unknown {
    const word = text.toLowerCase()
    if (word === 'true' || word === 'false') return word === 'true'
    if (word === 'null') return null
    if (!/^(0|[1-9]\d*|[-+]\d+)$/.test(text) || BigInt.asIntN(64, whole(text)) !== whole(text)) return text
    if (Number.isSafeInteger(Number(text))) return Number(whole(text))
    throw this.#refusal(`${text} is more than a number may be here`)
  }

  #refusal(why: string): ValuesError {
    return new ValuesError(`--set ${this.#text}: ${why}.`)
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

const whole = (digits: string): bigint => BigInt(digits.replace(/^\+/, ''))

function place(into: Tree | unknown[], [step = '', ...rest]: readonly Step[], value: unknown, text: string): void {
  if (rest.length === 0) {
    put(into, step, value)
    return
  }
  // Else `__proto__` would be what every object has.
  const held: unknown = Object.hasOwn(into, step) ? Reflect.get(into, step) : undefined
  const isList = typeof rest[0] === 'number'
  const isFitting = isList ? Array.isArray(held) : isTree(held)
  if (held !== undefined && !isFitting && typeof step === 'string')
    throw new ValuesError(`--set ${text}: ${step} is no ${isList ? 'list' : 'group of values'}.`)
  const inner = (isFitting ? held : isList ? [] : {}) as Tree | unknown[]
  put(into, step, inner)
  place(inner, rest, value, text)
}

function put(into: Tree | unknown[], step: Step, value: unknown): void {
  Object.defineProperty(into, step, { value, enumerable: true, configurable: true, writable: true })
}

export const isTree = (held: unknown): held is Tree => typeof held === 'object' && held !== null && !Array.isArray(held)
