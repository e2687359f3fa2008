import { didYouMean } from '../util/nearest.ts'
import { quoted } from './given.ts'
import { directory } from './kinds.ts'
import { allSettings, type Setting } from './settings.ts'

export type KeyKind = Setting<unknown>['kind']

/** What each key of the file may hold, by group and key: `server.port`. */
export function kindsByKey(): ReadonlyMap<string, KeyKind> {
  const kinds = new Map<string, KeyKind>()
  for (const { yaml, kind } of allSettings()) {
    if (yaml === undefined) continue
    kinds.set(yaml, kind)
    if (kind.secret) kinds.set(`${yaml}_file`, directory)
  }
  return kinds
}

export const groupsOf = (kinds: ReadonlyMap<string, KeyKind>): string[] => [
  ...new Set([...kinds.keys()].flatMap(name => name.split('.').slice(0, 1))),
]

/** Says which one may be meant: one spelt much the same, or one of that name in a group; or that it has to be in its group. */
export function unknownKey(name: string, kinds: ReadonlyMap<string, KeyKind>): string {
  const [group, key] = name.split('.')
  if (kinds.has(name)) return `${name} has to be nested: ${key} on a line of its own, indented, below ${group}:`
  const names = [...kinds.keys()]
  const near = didYouMean(name.slice(0, 100), name.includes('.') ? names : groupsOf(kinds))
  const namesake = names.find(known => known.endsWith(`.${name.split('.').at(-1)}`)) ?? ''
  return `There is no key ${keyShown(name)}${near || didYouMean(namesake, names) || '.'}`
}

export const keyShown = (name: string): string => (/^[\w.-]{1,60}$/.test(name) ? name : quoted(name))
