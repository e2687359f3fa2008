import { readFileSync } from 'node:fs'
import { hasCode, messageOf } from '../util/error-code.ts'
import { printableJson } from '../util/printable.ts'
import { wholeStart } from '../util/whole-start.ts'
import { directory } from './kinds.ts'
import { SettingError } from './setting-error.ts'
import type { Setting } from './settings.ts'

/** What somebody set, and how to say where. */
export interface Given {
  readonly text: string
  readonly name: string
  /** `~/.agenticore/config.yml:3:9: `, or nothing for a variable. */
  readonly place: string
}

/** One place where settings come from; of two, the first that has a value counts. */
export interface Source {
  readonly kind: 'environment' | 'file'
  /** By the name that a setting, or the path of a secret, has in this source. */
  find(name: string): Given | undefined
}

const fileSuffix = { environment: '_FILE', file: '_file' } as const

/** What this setting is called there. */
export const nameIn = ({ kind }: Source, { variable, yaml }: Pick<Setting<unknown>, 'variable' | 'yaml'>) =>
  kind === 'environment' ? variable : yaml

/** @throws SettingError when it is given twice in one source, or its file cannot be read */
export function findGiven(setting: Setting<unknown>, sources: readonly Source[], home: string): Given | undefined {
  for (const source of sources) {
    const given = givenIn(source, setting, home)
    if (given && given.text !== '' && !setting.kind.unset?.(given.text)) return given
  }
  return undefined
}

function givenIn(source: Source, setting: Setting<unknown>, home: string): Given | undefined {
  const name = nameIn(source, setting)
  if (name === undefined) return undefined
  const direct = source.find(name)
  const path = setting.kind.secret ? source.find(`${name}${fileSuffix[source.kind]}`) : undefined
  if (!path) return direct
  if (direct) throw new SettingError(`${path.place}Both ${name} and ${path.name} are set; set one of them.`)
  const text = contentOf(path, source, home)
  if (text === '' && setting.kind.neverEmpty) {
    throw new SettingError(
      `${path.place}${path.name} is ${quoted(path.text)}, and that file is empty; put a value into it.`,
    )
  }
  return { ...path, name, text }
}

function contentOf(path: Given, { kind }: Source, home: string): string {
  const absolute = directory.parse(path.text, home)
  // A variable may be relative to where the program was started; a file has no such place.
  if (absolute === undefined && kind === 'file') throw notAllowed(path, directory)
  try {
    return readFileSync(absolute ?? path.text, 'utf8').trim()
  } catch (error) {
    throw new SettingError(`${path.place}${path.name} cannot be read: ${messageOf(error)}.${whatToDo(error)}`)
  }
}

/** What Docker makes of a file that is not there, and of one that only its owner may read. */
function whatToDo(error: unknown): string {
  if (hasCode(error, 'EISDIR'))
    return ' It is a directory, as Docker makes one where the file to mount is missing: make the file.'
  return hasCode(error, 'EACCES') ? ' Give the user that agenticore runs as the right to read it.' : ''
}

const longestShown = 200

export function notAllowed({ place, name, text }: Given, kind: Setting<unknown>['kind']): SettingError {
  const shown = kind.secret ? 'a value' : quoted(text.replace(/\/\/.*@/s, '//***@'))
  return new SettingError(`${place}${name} is ${shown}; allowed is ${kind.allowed}.`)
}

/** With what a terminal would act on escaped. */
export const quoted = (text: string): string =>
  printableJson(JSON.stringify(text.length > longestShown ? `${wholeStart(text, longestShown)}…` : text))
