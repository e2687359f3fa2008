import { type Document, isScalar, LineCounter, parseDocument, Scalar, type Tags, visit } from 'yaml'
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
  numbersAsInHelm(name, document)
  const held: unknown = document.toJS()
  if (held === null || held === undefined) return {}
  if (!isTree(held)) throw new ValuesError(`${name} has to be keys with values.`)
  return held
}

/** 12:30 is a number of YAML 1.1, and not one of Helm. */
const withoutTimes = (tags: Tags): Tags =>
  tags.filter(
    tag => typeof tag !== 'object' || !(tag.format === 'TIME' || /:(timestamp|binary|omap|pairs|set)$/.test(tag.tag)),
  )

function numbersAsInHelm(name: string, document: Document.Parsed): void {
  visit(document, {
    Scalar(key, node) {
      if (key === 'key' || !isScalar(node) || node.type !== Scalar.PLAIN) return
      const { source = '', value } = node
      if (/^0(o[0-7]+|X[\da-f]+)$/i.test(source)) node.value = Number(source)
      if (typeof value !== 'number' || Number.isFinite(value)) return
      if (/^[-+]?\.(inf|nan)$/i.test(source)) throw new ValuesError(`${name}: ${source} is no number of JSON.`)
      // The library takes `e3` for a number.
      node.value = source
    },
  })
}
