import { fullName, type KubernetesObject, named, objectLabels, type Release, unlessEmpty } from './release.ts'

const triggerAuthentication = (release: Release): KubernetesObject => {
  const { secretName, keda } = release.values
  const fromSecret = (parameter: string, key: string): object => ({ parameter, name: secretName, key })
  return {
    apiVersion: 'keda.sh/v1alpha1',
    kind: 'TriggerAuthentication',
    metadata: named(release, authenticationName(release), objectLabels(release)),
    spec: {
      secretTargetRef: [
        ...(keda.redisAddress === '' ? [fromSecret(addressParameter(release), 'redis-address')] : []),
        fromSecret('username', 'redis-username'),
        fromSecret('password', 'redis-password'),
        ...(keda.caSecretKey === '' ? [] : [fromSecret('ca', keda.caSecretKey)]),
      ],
    },
  }
}

const authenticationName = (release: Release): string => `${fullName(release)}-redis-auth`

/**
 * Waiting jobs add pods to those that are busy (PROTOCOL.md, `scale:floor`): a StatefulSet always loses its highest pod,
 * so there are never fewer than up to the highest that runs a job.
 */
const formula = (listLength: string): object => ({
  scalingModifiers: { formula: `floor + queue / ${listLength}`, target: '1', metricType: 'AverageValue' },
})

/** KEDA's objects; none when it is not wanted. */
export function scaling(release: Release): KubernetesObject[] {
  const { keda } = release.values
  return keda.enabled ? [scaledObject(release), triggerAuthentication(release)] : []
}

const scaledObject = (release: Release): KubernetesObject => {
  const { keda } = release.values
  return {
    apiVersion: 'keda.sh/v1alpha1',
    kind: 'ScaledObject',
    metadata: named(release, `${fullName(release)}-scaler`, objectLabels(release)),
    spec: {
      scaleTargetRef: { apiVersion: 'apps/v1', kind: 'StatefulSet', name: fullName(release) },
      pollingInterval: keda.pollingInterval,
      minReplicaCount: keda.minReplicas,
      maxReplicaCount: keda.maxReplicas,
      // Redis away: as many as there are. Versions of KEDA that know no formula keep them without being told.
      ...(keda.formula
        ? { fallback: { failureThreshold: 3, replicas: keda.minReplicas, behavior: 'currentReplicasIfHigher' } }
        : {}),
      advanced: {
        horizontalPodAutoscalerConfig: {
          behavior: {
            scaleDown: {
              stabilizationWindowSeconds: keda.scaleInSeconds,
              policies: [{ type: 'Pods', value: 1, periodSeconds: 60 }],
            },
          },
        },
        ...(keda.formula ? formula(String(keda.listLength)) : {}),
      },
      triggers: [
        trigger(release, 'queue', 'queue', String(keda.listLength)),
        trigger(release, 'floor', 'scale:floor', '1'),
      ],
    },
  }
}

const trigger = (release: Release, name: string, key: string, listLength: string): object => ({
  type: release.values.keda.sentinelMaster === '' ? 'redis' : 'redis-sentinel',
  name,
  metricType: 'AverageValue',
  metadata: { ...redis(release), listName: `${release.values.config.redisKeyPrefix}:${key}`, listLength },
  authenticationRef: { name: authenticationName(release) },
})

/** How KEDA reaches Redis; what it does not find here it takes from the TriggerAuthentication. */
const redis = (release: Release): object => {
  const { keda } = release.values
  return {
    ...unlessEmpty(addressParameter(release), seenFromElsewhere(keda.redisAddress, release.namespace)),
    ...unlessEmpty('sentinelMaster', keda.sentinelMaster),
    databaseIndex: String(keda.databaseIndex === '' ? 0 : keda.databaseIndex),
    ...(keda.tls === true ? { enableTLS: 'true' } : {}),
  }
}

const addressParameter = ({ values: { keda } }: Release): string =>
  keda.sentinelMaster === '' ? 'address' : 'addresses'

/** KEDA runs in a namespace of its own, where a name without a dot is nobody's. */
const seenFromElsewhere = (addresses: string, namespace: string | undefined): string =>
  namespace === undefined ? addresses : addresses.replace(/(?<=^|,)([^.:,]+):(?=\d+(,|$))/g, `$1.${namespace}.svc:`)
