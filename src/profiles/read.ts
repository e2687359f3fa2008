import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Document, isMap, LineCounter, parseDocument } from 'yaml'
import { AgenticoreError } from '../jobs/errors.ts'
import { hasCode, messageOf } from '../util/error-code.ts'
import { didYouMean } from '../util/nearest.ts'
import { isFields } from './merge.ts'
import { claudeKeys, foreignKeys, type ProfileFile, profileKeys } from './schema.ts'

export interface ReadProfile {
  readonly name: string
  readonly directory: string
  readonly file: ProfileFile
  readonly warnings: readonly string[]
}

/** Everything wrong with a profile, in one error that names file and line. */
export const invalidProfile = (where: string, ...what: string[]): AgenticoreError =>
  new AgenticoreError('invalid_profile', `${where}: ${what.join('; ')}.`)

/** @throws AgenticoreError `invalid_profile` that names the file, the line, the key, its value and what is allowed */
export async function readProfile(directory: string, name: string): Promise<ReadProfile> {
  const path = join(directory, 'profile.yml')
  const text = await readText(directory, path)
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, stringKeys: true })
  const [broken] = document.errors
  if (broken) {
    const [first = ''] = broken.message.split('\n')
    throw invalidProfile(`${path}:${broken.linePos?.[0].line ?? 1}`, first.replace(/ at line.*$/, ''))
  }
  const { held, dropped } = withoutForeign(toObject(document, path))
  const checked = profileKeys.safeParse(held)
  if (!checked.success) {
    const [issue] = checked.error.issues
    const keys = issue?.path.map(String) ?? []
    const unknown = issue?.code === 'unrecognized_keys' ? issue.keys[0] : undefined
    const at = unknown === undefined ? keys : [...keys, unknown]
    const said = unknown === undefined ? notAllowed(keys, held, issue?.message ?? '') : unknownKey(keys, unknown)
    throw invalidProfile(`${path}:${lineOf(document, lines, at)}`, said)
  }
  const given = checked.data.name
  if (given !== undefined && given !== null && given !== name) {
    throw invalidProfile(path, `its name is "${given}", and its directory is called "${name}"`)
  }
  const warnings = dropped.map(key => `${path}: ${key} is not used by agenticore.`)
  return { name, directory, file: checked.data, warnings }
}

/** Empty for a profile that has other files alone. */
async function readText(directory: string, path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if (!hasCode(error, 'ENOENT')) throw invalidProfile(path, messageOf(error))
  }
  const names = await namesIn(directory)
  if (names.some(name => ['.claude', '.mcp.json', 'CLAUDE.md'].includes(name))) return ''
  const [nearly] = names.filter(name => /^profile\.ya?ml/i.test(name))
  const instead = nearly === undefined ? '' : `, but there is a ${nearly}`
  // Nothing at all would be a profile that permits everything.
  throw invalidProfile(directory, `it has no profile.yml${instead}`)
}

async function namesIn(directory: string): Promise<string[]> {
  try {
    return await readdir(directory)
  } catch (error) {
    throw invalidProfile(directory, messageOf(error))
  }
}

function toObject(document: Document, path: string): Record<string, unknown> {
  if (document.contents === null) return {}
  const value = plainValue(document, path)
  if (!isMap(document.contents) || !isFields(value)) throw invalidProfile(path, 'it is no list of keys and values')
  return value
}

function plainValue(document: Document, path: string): unknown {
  try {
    return document.toJS({ maxAliasCount: 100 })
  } catch (error) {
    // An alias without its anchor, or one that would grow into more than fits anywhere.
    throw invalidProfile(path, messageOf(error))
  }
}

function withoutForeign(given: Record<string, unknown>): { held: Record<string, unknown>; dropped: string[] } {
  const dropped: string[] = []
  const strip = (fields: Record<string, unknown>, group: string): Record<string, unknown> => {
    const isForeign = (key: string): boolean => foreignKeys[group]?.includes(key) ?? false
    const gone = Object.keys(fields).filter(isForeign)
    dropped.push(...gone.map(key => (group === '' ? key : `${group}.${key}`)))
    return Object.fromEntries(Object.entries(fields).filter(([key]) => !isForeign(key)))
  }
  const held = strip(given, '')
  return { held: isFields(held.claude) ? { ...held, claude: strip(held.claude, 'claude') } : held, dropped }
}

function unknownKey(group: readonly string[], key: string): string {
  const known = Object.keys(group[0] === 'claude' ? claudeKeys.shape : profileKeys.shape)
  return `there is no key "${[...group, key].join('.')}"${didYouMean(key, known) || `; the keys are ${known.join(', ')}`}`
}

function notAllowed(keys: readonly string[], held: unknown, allowed: string): string {
  const value = keys.reduce<unknown>((inner, key) => (isFields(inner) ? inner[key] : undefined), held)
  const wanted = keys.length === 1 && keys[0] === 'claude' ? 'keys and values' : allowed
  return `${keys.join('.')} is ${JSON.stringify(value)?.slice(0, 200)}; allowed is ${wanted}`
}

/** The line of the key, or of the nearest thing around it. */
function lineOf(document: Document, lines: LineCounter, path: readonly string[]): number {
  const key = path.at(-1)
  const parent = path.length > 1 ? document.getIn(path.slice(0, -1), true) : document.contents
  const pair = isMap(parent) ? parent.items.find(item => String(item.key) === key) : undefined
  const range = pair && isRanged(pair.key) ? pair.key.range : undefined
  return range ? lines.linePos(range[0]).line : 1
}

const isRanged = (node: unknown): node is { range: readonly number[] } & { range: { 0: number } } =>
  isFields(node) && Array.isArray(node.range)
