import { stringify } from 'yaml'
import type { KubernetesObject } from './release.ts'

/** One document an object, as `kubectl apply -f` reads them: to YAML 1.1 `off` is false, and 012 a ten. */
const how = { compat: 'yaml-1.1', lineWidth: 0, aliasDuplicateObjects: false } as const

export const toYaml = (objects: Iterable<KubernetesObject>): string =>
  [...objects].map(object => stringify(object, how)).join('---\n')
