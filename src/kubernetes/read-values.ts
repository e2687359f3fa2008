import { z } from 'zod'
import { nearest } from '../util/nearest.ts'
import { takenPlaces } from './environment.ts'
import { merged } from './merged.ts'
import { setInto, type Tree } from './set-flag.ts'
import { type Values, valuesSchema } from './values.ts'
import { ValuesError } from './values-error.ts'
import { treeOf } from './values-file.ts'

export interface GivenValues {
  /** Texts of `-f` in their order, by the names that messages call them. */
  readonly files?: readonly { readonly name: string; readonly text: string }[]
  /** As after `--set`, in their order; they count more than files. */
  readonly sets?: readonly string[]
}

/** What the chart is rendered with. @throws ValuesError that names the value, and the nearest where there is none of that name */
export function readValues({ files = [], sets = [] }: GivenValues): Values {
  let given: Tree = {}
  for (const { name, text } of files) given = merged(given, treeOf(name, text))
  for (const text of sets) setInto(given, text)
  return checked(given)
}

function checked(given: Tree): Values {
  const empty = nullsIn(given)
  if (empty.length > 0) throw new ValuesError(empty.map(path => `${path}: null is no value. Leave it out.`).join('\n'))
  const { success, data, error } = valuesSchema.safeParse(given)
  if (!success) throw new ValuesError(error.issues.map(issue => worded(issue)).join('\n'))
  return agreeing(data)
}

/** The chart refuses them, too: Helm takes the defaults away that they stand for. */
const nullsIn = (held: unknown, path = ''): string[] => {
  if (held === null) return [path]
  if (typeof held !== 'object') return []
  return Object.entries(held).flatMap(([key, inner]) => nullsIn(inner, path === '' ? key : `${path}.${key}`))
}

/** What a schema cannot say; the chart says the same (_agreeing.tpl). */
function agreeing(values: Values): Values {
  const { keda, drain, sharedFs, service } = values
  if (keda.minReplicas > keda.maxReplicas) throw new ValuesError('keda.minReplicas is more than keda.maxReplicas.')
  if (keda.redisAddress.includes(',') && keda.sentinelMaster === '')
    throw new ValuesError('keda.redisAddress: more than one are Sentinels, and those need keda.sentinelMaster.')
  if (drain.gracePeriodSeconds < drain.timeoutSeconds + 30)
    throw new ValuesError(
      'drain.gracePeriodSeconds has to be 30 more than drain.timeoutSeconds: a pod closes after it has drained.',
    )
  if (service.loadBalancerSourceRanges.length > 0 && service.type !== 'LoadBalancer')
    throw new ValuesError('service.loadBalancerSourceRanges is for service.type LoadBalancer alone.')
  const root = `${sharedFs.root.replace(/\/$/, '')}/`
  for (const place of [sharedFs.reposRoot, sharedFs.jobsDir])
    if (!place.startsWith(root))
      throw new ValuesError(`sharedFs: ${place} is not on the volume that is mounted at ${sharedFs.root}.`)
  const hidden = takenPlaces.find(place => `${place}/`.startsWith(root) || root.startsWith(`${place}/`))
  if (hidden !== undefined)
    throw new ValuesError(`sharedFs.root: ${sharedFs.root} would hide something of ${hidden}, which pods need.`)
  return values
}

function worded(issue: z.core.$ZodIssue): string {
  const path = issue.path.join('.')
  if (issue.code === 'invalid_union') return `${path}: ${branches(issue.errors)}.`
  if (issue.code === 'unrecognized_keys') return issue.keys.map(key => unknown(issue.path, key)).join('\n')
  return `${path}: ${issue.message}.`
}

/** What each of several kinds would have had. */
const branches = (errors: readonly (readonly z.core.$ZodIssue[])[]): string =>
  [...new Set(errors.map(([first]) => first?.message.replace(/^Invalid input: /, '') ?? ''))].join(', or ')

/** The nearest is looked for in the same group first: `enable` in `keda` is another one than in `ingress`. */
function unknown(path: readonly PropertyKey[], key: string): string {
  const prefix = path.map(step => `${String(step)}.`).join('')
  const near = nearest(key, Object.keys(shapeAt(path)))
  const meant = near === undefined ? elsewhere(key) : `${prefix}${near}`
  return `There is no value ${prefix}${key}${meant === undefined ? '.' : `, did you mean ${meant}?`}`
}

function elsewhere(key: string): string | undefined {
  const all = everyName(valuesSchema)
  const near = nearest(key, all.map(lastOf))
  return all.find(name => lastOf(name) === near)
}

const lastOf = (name: string): string => name.slice(name.lastIndexOf('.') + 1)

function shapeAt(path: readonly PropertyKey[]): Record<string, z.ZodType> {
  let shape = shapeOf(valuesSchema)
  for (const step of path) shape = shapeOf(shape[String(step)])
  return shape
}

/** Of a group; empty for what is none. */
export function shapeOf(schema: unknown): Record<string, z.ZodType> {
  if (schema instanceof z.ZodPrefault) return shapeOf(schema.unwrap())
  return schema instanceof z.ZodObject ? (schema.shape as Record<string, z.ZodType>) : {}
}

function everyName(schema: unknown, prefix = ''): string[] {
  return Object.entries(shapeOf(schema)).flatMap(([key, inner]) => {
    const below = everyName(inner, `${prefix}${key}.`)
    return below.length === 0 ? [`${prefix}${key}`] : below
  })
}
