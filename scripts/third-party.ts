/** What of others is in the bundle: by what licence, and the texts that have to come along. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Metafile } from 'esbuild'

export interface ThirdParty {
  readonly name: string
  readonly version: string
  readonly licence: string
  readonly texts: readonly string[]
}

/** Licences that ask for no more than their text; another one is somebody's decision. */
const taken = ['0BSD', 'Apache-2.0', 'BlueOak-1.0.0', 'BSD-2-Clause', 'BSD-3-Clause', 'ISC', 'MIT']

/**
 * The packages whose files are in a bundle, by name.
 * @throws Error for a licence that nobody has decided on
 */
export function thirdPartiesIn({ outputs }: Metafile, root: string): ThirdParty[] {
  const inputs = Object.values(outputs).flatMap(output => Object.keys(output.inputs))
  const places = new Set(inputs.flatMap(input => packageOf(input) ?? []))
  const found = [...places].map(place => described(join(root, place)))
  for (const { name, licence } of found) {
    if (!taken.includes(licence)) throw new Error(`${name} has the licence ${licence}: see scripts/third-party.ts`)
  }
  const unique = new Map(found.map(each => [`${each.name}@${each.version}`, each]))
  return [...unique.values()].toSorted((one, other) => (one.name < other.name ? -1 : 1))
}

/** The innermost package directory of a file. */
const packageOf = (file: string): string | undefined =>
  /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/.exec(file.replace(/^[\w-]+:/, ''))?.[0]

function described(place: string): ThirdParty {
  const { name, version, author, license, licenses } = JSON.parse(readFileSync(join(place, 'package.json'), 'utf8'))
  const licence = license?.type ?? license ?? licenses?.[0]?.type ?? 'unknown'
  const files = readdirSync(place).filter(file => /^(licen[cs]e|copying|notice)/i.test(file))
  const texts = files.map(file => join(place, file)).filter(file => existsSync(file))
  const found = texts.map(file => readFileSync(file, 'utf8').trim())
  return { name, version, licence, texts: found.length > 0 ? found : [textFor({ name, licence, author }, place)] }
}

/** A package that came without one: its licence's own words, with its author. */
function textFor({ name, licence, author }: { name: string; licence: string; author: unknown }, place: string): string {
  if (licence !== 'MIT' || typeof author !== 'string')
    throw new Error(`${name} comes without its licence: see ${place}`)
  const [, ...paragraphs] = readFileSync(join(import.meta.dirname, '../LICENSE'), 'utf8')
    .trim()
    .split('\n\n')
  return ['MIT License', `Copyright (c) ${author}`, ...paragraphs.slice(1)].join('\n\n')
}

/** What goes beside the bundle. */
export const notices = (parties: readonly ThirdParty[]): string =>
  parties
    .map(({ name, version, licence, texts }) => [`${name} ${version} (${licence})`, ...texts].join('\n\n'))
    .join(`\n\n${'-'.repeat(80)}\n\n`)
