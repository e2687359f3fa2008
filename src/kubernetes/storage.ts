import { fullName, type KubernetesObject, named, objectLabels, type Release } from './release.ts'

const ownClaim = (release: Release): string => `${fullName(release)}-shared`

export const claimName = (release: Release): string =>
  release.values.storage.existingClaim === '' ? ownClaim(release) : release.values.storage.existingClaim

/** The volume that all pods share; it outlives the release, and with it the jobs. */
export function sharedClaim(release: Release): KubernetesObject[] {
  const { className, size, existingClaim } = release.values.storage
  if (existingClaim !== '') return []
  return [
    {
      apiVersion: 'v1',
      kind: 'PersistentVolumeClaim',
      metadata: named(release, ownClaim(release), objectLabels(release), {
        annotations: { 'helm.sh/resource-policy': 'keep' },
      }),
      spec: {
        accessModes: ['ReadWriteMany'],
        ...(className === '' ? {} : { storageClassName: className }),
        resources: { requests: { storage: size } },
      },
    },
  ]
}
