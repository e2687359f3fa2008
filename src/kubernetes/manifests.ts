import { disruptionBudget, networkPolicy } from './availability.ts'
import { initJob } from './init-job.ts'
import type { KubernetesObject, Release } from './release.ts'
import { scaling } from './scaling.ts'
import { headlessService, ingress, service } from './services.ts'
import { statefulSet } from './stateful-set.ts'
import { sharedClaim } from './storage.ts'

const makers = {
  'pvc-shared.yaml': sharedClaim,
  'headless-service.yaml': release => [headlessService(release)],
  'service.yaml': release => [service(release)],
  'network-policy.yaml': networkPolicy,
  'pod-disruption-budget.yaml': disruptionBudget,
  'statefulset.yaml': release => [statefulSet(release)],
  'ingress.yaml': ingress,
  'keda-scaledobject.yaml': scaling,
  'init-job.yaml': initJob,
} as const satisfies Record<string, (release: Release) => readonly KubernetesObject[]>

export const fileNames: readonly string[] = Object.keys(makers)

/** Everything a release is made of, by the name of its file, in the order in which it is needed. */
export function manifests(release: Release): ReadonlyMap<string, readonly KubernetesObject[]> {
  const files = Object.entries(makers).map(([name, make]) => [name, make(release)] as const)
  return new Map(files.filter(([, objects]) => objects.length > 0))
}
