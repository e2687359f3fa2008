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
import { didYouMean } from '../util/nearest.ts'
import { isForeignKey, notUsed } from './foreign.ts'
import { type Given, quoted } from './given.ts'
import { directory } from './kinds.ts'
import { SettingError } from './setting-error.ts'
import { allSettings, type Setting } from './settings.ts'

export interface ParsedConfig {
  /** By group and key: `server.port`. */
  readonly given: ReadonlyMap<string, Given>
  /** The names of secrets that stand in the file itself. */
  readonly secrets: readonly string[]
  readonly warnings: readonly string[]
}

type Kind = Setting<unknown>['kind']

/** @throws SettingError that names line and column */
export const parseConfig = (text: string, file: string): ParsedConfig => new Reading(text, file).all()

/** One pass over a file: groups, in them keys, in these words or lists of words. */
class Reading {
  readonly #document: Document
  readonly #lines = new LineCounter()
  readonly #file: string
  readonly #kinds = new Map<string, Kind>()
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
    for (const { yaml, kind } of allSettings()) {
      if (yaml === undefined) continue
      this.#kinds.set(yaml, kind)
      if (kind.secret) this.#kinds.set(`${yaml}_file`, directory)
    }
  }

  all(): ParsedConfig {
    this.#refuseBroken()
    const { contents } = this.#document
    if (isMap(contents)) this.#readGroups(contents)
    else if (contents !== null && !isNothing(contents)) throw this.#error(contents, 'it has to have groups of keys.')
    const secrets = [...this.#given.keys()].filter(name => this.#kinds.get(name)?.secret)
    return { given: this.#given, secrets, warnings: this.#warnings }
  }

  #refuseBroken(): void {
    const [first] = [...this.#document.errors, ...this.#document.warnings]
    if (!first) return
    // Behind the colon the parser shows what it read, which may be a secret.
    const reason = first.message.replace(/(: ".*|;.*)$/s, '').replace(/\.$/, '')
    throw new SettingError(`${this.#placeAt(first.pos[0])}this is no YAML: ${quoted(reason).slice(1, -1)}.`)
  }

  #readGroups(groups: YAMLMap): void {
    for (const { key: group, pair, value } of this.#pairsOf(groups, '')) {
      if (isForeignKey(group)) this.#warnings.push(`${this.#placeOf(pair.key)}${group} ${notUsed}`)
      else if (!this.#groups().includes(group)) throw this.#error(pair.key, this.#unknown(group))
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
      else if (!kind) throw this.#error(pair.key, this.#unknown(name))
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
      if (seen.has(key)) throw this.#error(pair.key, `${nameShown(`${prefix}${key}`)} is there twice.`)
      seen.add(key)
      return { key, pair, value: this.#followed(pair.value) }
    })
  }

  #followed(node: unknown): unknown {
    return isAlias(node) ? node.resolve(this.#document) : node
  }

  #wordOf(node: unknown, name: string, kind: Kind): string {
    if (isScalar(node)) return typeof node.value === 'string' ? node.value : (node.source ?? String(node.value))
    throw this.#error(node, `${name} is ${shapeOf(node)}; allowed is ${kind.allowed}.`)
  }

  /** As a variable has it. */
  #listOf(items: readonly unknown[], name: string, kind: Kind): string {
    return items
      .map(item => {
        const word = this.#wordOf(this.#followed(item), name, kind).trim()
        if (word !== '' && !/[,\n]/.test(word)) return word
        throw this.#error(item, `An item of ${name} is empty or has a comma or newline; allowed is ${kind.allowed}.`)
      })
      .join(',')
  }

  #groups(): string[] {
    return [...new Set([...this.#kinds.keys()].flatMap(name => name.split('.').slice(0, 1)))]
  }

  #unknown(name: string): string {
    const names = [...this.#kinds.keys()]
    const inGroup = names.find(known => known.endsWith(`.${name.split('.').at(-1)}`))
    const asked = name.slice(0, 100)
    const meant =
      didYouMean(asked, name.includes('.') ? names : this.#groups()) || (inGroup ? didYouMean(inGroup, names) : '')
    return `There is no key ${nameShown(name)}${meant || '.'}`
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

const nameShown = (name: string): string => (/^[\w.-]{1,60}$/.test(name) ? name : quoted(name))

/** A key without a value is as good as none. */
const isNothing = (node: unknown): boolean =>
  node === null || node === undefined || (isScalar(node) && node.value === null)

const shapeOf = (node: unknown): string => (isMap(node) ? 'a mapping' : isSeq(node) ? 'a list' : 'a single value')
