import { disruptionBudget, networkPolicy } from './availability.ts'
import { initJob } from './init-job.ts'
import type { KubernetesObject, Release } from './release.ts'
import { scaling } from './scaling.ts'
import { headlessService, ingress, service } from './services.ts'
import { statefulSet } from './stateful-set.ts'
import { sharedClaim } from './storage.ts'

/** Everything a release is made of, by the name of its file, in the order in which it is needed. */
export function manifests(release: Release): ReadonlyMap<string, readonly KubernetesObject[]> {
  const files = new Map([
    ['pvc-shared.yaml', sharedClaim(release)],
    ['headless-service.yaml', [headlessService(release)]],
    ['service.yaml', [service(release)]],
    ['network-policy.yaml', networkPolicy(release)],
    ['pod-disruption-budget.yaml', disruptionBudget(release)],
    ['statefulset.yaml', [statefulSet(release)]],
    ['ingress.yaml', ingress(release)],
    ['keda-scaledobject.yaml', scaling(release)],
    ['init-job.yaml', initJob(release)],
  ])
  return new Map([...files].filter(([, objects]) => objects.length > 0))
}
