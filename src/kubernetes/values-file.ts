import { type Document, isScalar, LineCounter, parse, parseDocument, Scalar, type Tags, visit } from 'yaml'
import { messageOf } from '../util/error-code.ts'
import { isTree, type Tree } from './set-flag.ts'
import { ValuesError } from './values-error.ts'

/**
 * What a file of values holds. It is YAML 1.1, as Helm reads it: `yes` is true, 0123 is 83; times and dates are text. A
 * name that is there twice and a second document, of which Helm takes the last and the first, are refused.
 * @param name what messages call it
 * @throws ValuesError
 */
export function treeOf(name: string, text: string): Tree {
  const lines = new LineCounter()
  const document = parseDocument(text, {
    version: '1.1',
    merge: true,
    customTags: withoutTimes,
    stringKeys: true,
    prettyErrors: false,
    lineCounter: lines,
  })
  const [error] = document.errors
  if (error) {
    const why = error.code === 'MULTIPLE_DOCS' ? 'A second document begins here' : error.message
    throw new ValuesError(`${name}, line ${lines.linePos(error.pos[0]).line}: ${why}.`)
  }
  const refuse = (node: { readonly range?: readonly number[] | null | undefined }, why: string): never => {
    throw new ValuesError(`${name}, line ${lines.linePos(node.range?.[0] ?? 0).line}: ${why}.`)
  }
  asInHelm(document, refuse)
  const held = heldBy(name, document)
  if (!isTree(held)) throw new ValuesError(`${name} has to be keys with values.`)
  return held
}

function heldBy(name: string, document: Document.Parsed): unknown {
  try {
    // By way of JSON, as with Helm: what an alias stands for is a copy, of which --set may change one.
    return JSON.parse(JSON.stringify(document.toJS() ?? {}))
  } catch (cause) {
    // An alias of nothing, or of what it is a part of.
    const why = cause instanceof TypeError ? 'something in it holds itself' : messageOf(cause)
    throw new ValuesError(`${name} cannot be read: ${why}.`)
  }
}

/** 12:30 is a number of YAML 1.1, and not one of Helm. */
const withoutTimes = (tags: Tags): Tags =>
  tags.filter(tag => typeof tag !== 'object' || !(tag.format === 'TIME' || notOfHelm.test(tag.tag)))

const notOfHelm = /:(timestamp|binary|omap|pairs|set)$/

type Refuse = (node: Scalar, why: string) => never

function asInHelm(document: Document.Parsed, refuse: Refuse): void {
  visit(document, {
    Map(_, { items }) {
      const late = items.slice(1).find(({ key }) => isScalar(key) && key.source === '<<')
      // With Helm it would count more than what stands before it, with others less.
      if (isScalar(late?.key)) refuse(late.key, '<< has to be the first of its keys')
    },
    Scalar(key, node) {
      if (node.type !== Scalar.PLAIN) return
      if (key === 'key') nameAsInHelm(node, refuse)
      else numberAsInHelm(node, refuse)
    },
  })
}

/** Helm reads `on: x` as `true: x`, and 010 as 8. */
function nameAsInHelm(node: Scalar, refuse: Refuse): void {
  const { source = '' } = node
  if (source === '<<') return
  const read: unknown = parse(source, { version: '1.1', customTags: withoutTimes, logLevel: 'silent' })
  if (String(read) !== source) refuse(node, `${source} is a name that YAML takes for ${String(read)}: quote it`)
}

function numberAsInHelm(node: Scalar, refuse: Refuse): void {
  const { source = '', value } = node
  if (/^0(o[0-7]+|X[\da-f]+)$/i.test(source)) node.value = Number(source)
  if (typeof value !== 'number' || Number.isFinite(value)) return
  if (/^[-+]?\.(inf|nan)$/i.test(source)) refuse(node, `${source} is no number of JSON`)
  // The library takes `e3` for a number.
  node.value = source
}
