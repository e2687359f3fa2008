import type { Values } from './values.ts'
import { ValuesError } from './values-error.ts'

export interface Release {
  readonly name: string
  /** None: that of whoever applies the objects. */
  readonly namespace?: string | undefined
  readonly values: Values
}

export interface KubernetesObject {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: { readonly name: string; readonly [key: string]: unknown }
  readonly [key: string]: unknown
}

export const chartName = 'agenticore'
/** What Kubernetes and we put behind them has room in a label's 63 letters. */
const longest = { name: 48, full: 52 } as const

const shortened = (text: string, letters: number): string => text.slice(0, letters).replace(/-$/, '')

const nameOf = ({ values }: Release): string =>
  shortened(values.nameOverride === '' ? chartName : values.nameOverride, longest.name)

/** What everything is called that a release is made of. @throws ValuesError for what a Service cannot be called */
export function fullName(release: Release): string {
  const { fullnameOverride } = release.values
  const name = shortened(fullnameOverride === '' ? madeOf(release) : fullnameOverride, longest.full)
  if (/^[a-z][-a-z0-9]*$/.test(name)) return name
  throw new ValuesError(
    `${name} is no name for a Service, which has a letter, then small letters, digits and -: set fullnameOverride.`,
  )
}

function madeOf(release: Release): string {
  const name = nameOf(release)
  return release.name.includes(name) ? release.name : `${release.name}-${name}`
}

/** By which the pods of a release are found; a StatefulSet can never have others. */
export const selectorLabels = (release: Release): Record<string, string> => ({
  'app.kubernetes.io/name': nameOf(release),
  'app.kubernetes.io/instance': release.name,
})

export const objectLabels = (release: Release): Record<string, string> => ({
  ...selectorLabels(release),
  'app.kubernetes.io/part-of': chartName,
})

/** Of pods that no Service, budget or policy of the server's is to find. */
export const helperLabels = (release: Release, component: string): Record<string, string> => ({
  'app.kubernetes.io/name': `${nameOf(release)}-${component}`,
  'app.kubernetes.io/instance': release.name,
  'app.kubernetes.io/part-of': chartName,
})

export const named = ({ namespace }: Release, name: string, labels: Record<string, string>, rest: object = {}) => ({
  name,
  ...(namespace === undefined ? {} : { namespace }),
  labels,
  ...rest,
})

export const image = ({ values }: Release): { image: string; imagePullPolicy: string } => ({
  image: `${values.image.repository}:${values.image.tag}`,
  imagePullPolicy: values.image.pullPolicy,
})

/** Left out when there is nothing in it. */
export const unlessEmpty = <T extends object | string>(key: string, held: T): { [key: string]: T } =>
  (typeof held === 'string' ? held === '' : Object.keys(held).length === 0) ? {} : { [key]: held }
