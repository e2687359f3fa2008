import { stringify } from 'yaml'
import type { KubernetesObject } from './release.ts'

/** One document an object, as `kubectl apply -f` reads them. */
export const toYaml = (objects: Iterable<KubernetesObject>): string =>
  [...objects].map(object => stringify(object, { lineWidth: 0, aliasDuplicateObjects: false })).join('---\n')
