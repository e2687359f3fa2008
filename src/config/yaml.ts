import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Pair,
  parseDocument,
  type YAMLMap,
} from 'yaml'
import { printable } from '../util/printable.ts'
import { isForeignKey, notUsed } from './foreign.ts'
import type { Given } from './given.ts'
import { groupsOf, type KeyKind, keyShown, kindsByKey, unknownKey } from './keys.ts'
import { SettingError } from './setting-error.ts'

export interface ParsedConfig {
  /** By group and key: `server.port`. */
  readonly given: ReadonlyMap<string, Given>
  /** The names of secrets that stand in the file itself. */
  readonly secrets: readonly string[]
  readonly warnings: readonly string[]
}

/** @throws SettingError that names line and column */
export const parseConfig = (text: string, file: string): ParsedConfig => new Reading(text, file).all()

/** One pass over a file: groups, in them keys, in these words or lists of words. */
class Reading {
  readonly #document: Document
  readonly #lines = new LineCounter()
  readonly #file: string
  readonly #kinds = kindsByKey()
  readonly #given = new Map<string, Given>()
  readonly #warnings: string[] = []

  constructor(text: string, file: string) {
    this.#file = file
    this.#document = parseDocument(text, {
      lineCounter: this.#lines,
      prettyErrors: false,
      stringKeys: true,
      uniqueKeys: false,
    })
  }

  all(): ParsedConfig {
    this.#refuseBroken()
    const { contents } = this.#document
    if (isMap(contents)) this.#readGroups(contents)
    else if (contents !== null && !isNothing(contents))
      throw this.#error(contents, 'It has to be groups of keys with values.')
    const secrets = [...this.#given.keys()].filter(name => this.#kinds.get(name)?.secret)
    return { given: this.#given, secrets, warnings: this.#warnings }
  }

  #refuseBroken(): void {
    const [first] = [...this.#document.errors, ...this.#document.warnings]
    if (!first) return
    // Behind the colon the parser shows what it read, which may be a secret.
    const reason = first.message.replace(/(: |;).*$/s, '').replace(/\.$/, '')
    throw new SettingError(`${this.#placeAt(first.pos[0])}This is no YAML: ${printable(reason)}.`)
  }

  #readGroups(groups: YAMLMap): void {
    for (const { key: group, pair, value } of this.#pairsOf(groups, '')) {
      if (isForeignKey(group)) this.#warnings.push(`${this.#placeOf(pair.key)}${group} ${notUsed}`)
      else if (!groupsOf(this.#kinds).includes(group)) throw this.#error(pair.key, unknownKey(group, this.#kinds))
      else if (isMap(value)) this.#readGroup(value, `${group}.`)
      else if (!isNothing(value))
        throw this.#error(value, `${group} is ${shapeOf(value)}; allowed are keys with values.`)
    }
  }

  #readGroup(keys: YAMLMap, prefix: string): void {
    for (const { key, pair, value } of this.#pairsOf(keys, prefix)) {
      const name = `${prefix}${key}`
      const kind = this.#kinds.get(name)
      if (isForeignKey(name)) this.#warnings.push(`${this.#placeOf(pair.key)}${name} ${notUsed}`)
      else if (!kind) throw this.#error(pair.key, unknownKey(name, this.#kinds))
      else if (!isNothing(value)) {
        const text = isSeq(value) && kind.list ? this.#listOf(value.items, name, kind) : this.#wordOf(value, name, kind)
        if (text !== '') this.#given.set(name, { text, name, place: this.#placeOf(value) })
      }
    }
  }

  /** Keys once each, with aliases followed. */
  #pairsOf({ items }: YAMLMap, prefix: string): { key: string; pair: Pair; value: unknown }[] {
    const seen = new Set<string>()
    return items.map(pair => {
      const key = isScalar(pair.key) ? String(pair.key.value ?? '') : ''
      if (seen.has(key)) throw this.#error(pair.key, `${keyShown(`${prefix}${key}`)} is there twice.`)
      seen.add(key)
      return { key, pair, value: this.#followed(pair.value) }
    })
  }

  #followed(node: unknown): unknown {
    if (!isAlias(node)) return node
    const target = node.resolve(this.#document)
    // Its name may be the start of a secret that somebody did not quote.
    if (!target) throw this.#error(node, 'This is an alias (*) of nothing; text that starts with * has to be quoted.')
    return target
  }

  #wordOf(node: unknown, name: string, kind: KeyKind): string {
    if (isScalar(node)) return typeof node.value === 'string' ? node.value : (node.source ?? String(node.value))
    throw this.#error(node, `${name} is ${shapeOf(node)}; allowed is ${kind.allowed}.`)
  }

  /** As a variable has it. */
  #listOf(items: readonly unknown[], name: string, kind: KeyKind): string {
    return items
      .map(item => {
        const word = this.#wordOf(this.#followed(item), name, kind).trim()
        if (word !== '' && !/[,\n]/.test(word)) return word
        throw this.#error(item, `An item of ${name} is empty or has a comma or newline; allowed is ${kind.allowed}.`)
      })
      .join(',')
  }

  #error(node: unknown, message: string): SettingError {
    return new SettingError(`${this.#placeOf(node)}${message}`)
  }

  #placeOf(node: unknown): string {
    return this.#placeAt(isScalar(node) || isMap(node) || isSeq(node) || isAlias(node) ? (node.range?.[0] ?? 0) : 0)
  }

  #placeAt(offset: number): string {
    const { line, col } = this.#lines.linePos(offset)
    return `${this.#file}:${Math.max(line, 1)}:${Math.max(col, 1)}: `
  }
}

/** A key without a value is as good as none. */
const isNothing = (node: unknown): boolean =>
  node === null || node === undefined || (isScalar(node) && node.value === null)

const shapeOf = (node: unknown): string => (isMap(node) ? 'a mapping' : isSeq(node) ? 'a list' : 'a single value')
