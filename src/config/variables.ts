import { markerVariable } from '../util/marker.ts'
import { didYouMean } from '../util/nearest.ts'
import { printable } from '../util/printable.ts'
import { isForeignVariable, isSoAnyway, notUsed, withoutEffect } from './foreign.ts'
import type { Given, Source } from './given.ts'
import { allSettings } from './settings.ts'

export type Environment = Readonly<Record<string, string | undefined>>

export function environmentSource(env: Environment): Source {
  const find = (name: string): Given | undefined => {
    const text = env[name]
    return text ? { text, name, place: '' } : undefined
  }
  return { kind: 'environment', find }
}

/** What Kubernetes sets in every pod for a Service whose name starts with agenticore. */
const serviceLink = /_SERVICE_(HOST|PORT(_\w+)?)$|_PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?$/
const isServiceLink = (name: string, text: string): boolean =>
  serviceLink.test(name) || /^(tcp|udp|sctp):\/\//.test(text)

/** A line for each variable that somebody may have brought along for us, and that nothing reads. */
export const warnOfVariables = (env: Environment): string[] =>
  Object.entries(env).flatMap(([name, text]) => {
    if (!text || isSoAnyway(name, text)) return []
    if (isForeignVariable(name)) return [`${name} ${notUsed}`]
    return withoutEffect[name] === undefined ? [] : [`${name} ${withoutEffect[name]}`]
  })

/** A line for each variable that has a name like ours, and is none: most likely it is misspelt. */
export function warnOfUnknown(env: Environment): string[] {
  const known = knownVariables()
  const isKnown = (name: string): boolean =>
    [...known, ...Object.keys(withoutEffect), markerVariable].includes(name) || isForeignVariable(name)
  return Object.entries(env).flatMap(([name, text]) => {
    if (!text || !name.startsWith('AGENTICORE_') || isKnown(name) || isServiceLink(name, text)) return []
    return [unknownVariable(name, known)]
  })
}

function unknownVariable(name: string, known: readonly string[]): string {
  const meant = didYouMean(name.slice(0, 100), known)
  return `${printable(name)} is no setting${meant || '.'}`
}

const knownVariables = (): string[] =>
  allSettings().flatMap(({ variable, kind }) => (kind.secret ? [variable, `${variable}_FILE`] : [variable]))

/** The variables that hold a secret themselves. */
export const secretVariables = (): string[] =>
  allSettings().flatMap(({ variable, kind }) => (kind.secret ? [variable] : []))
