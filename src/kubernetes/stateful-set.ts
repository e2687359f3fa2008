import { environment, ownMounts } from './environment.ts'
import {
  fullName,
  image,
  type KubernetesObject,
  named,
  objectLabels,
  type Release,
  selectorLabels,
  unlessEmpty,
} from './release.ts'
import { resources } from './resources.ts'
import { containerSecurity, podSecurity } from './security.ts'
import { headlessName } from './services.ts'
import { claimName } from './storage.ts'

/** The servers. All are there at once: one that does not start holds nobody up. */
export function statefulSet(release: Release): KubernetesObject {
  const { values } = release
  return {
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    metadata: named(release, fullName(release), objectLabels(release)),
    spec: {
      // KEDA's business otherwise: what is said here would be set again at each upgrade.
      ...(values.keda.enabled ? {} : { replicas: values.replicas }),
      serviceName: headlessName(release),
      podManagementPolicy: 'Parallel',
      selector: { matchLabels: selectorLabels(release) },
      template: {
        metadata: {
          labels: { ...values.podLabels, ...objectLabels(release), app: 'agenticore' },
          ...unlessEmpty('annotations', values.podAnnotations),
        },
        spec: podSpec(release),
      },
    },
  }
}

const podSpec = (release: Release): object => {
  const { values } = release
  return {
    ...unlessEmpty('imagePullSecrets', values.imagePullSecrets),
    ...unlessEmpty('serviceAccountName', values.serviceAccountName),
    ...unlessEmpty('priorityClassName', values.priorityClassName),
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    terminationGracePeriodSeconds: values.drain.gracePeriodSeconds,
    securityContext: podSecurity(values),
    ...unlessEmpty('nodeSelector', values.nodeSelector),
    ...unlessEmpty('affinity', values.affinity),
    ...unlessEmpty('tolerations', values.tolerations),
    ...(values.topologySpread.enabled ? { topologySpreadConstraints: [spread(release)] } : {}),
    containers: [container(release)],
    volumes: volumes(release),
  }
}

const spread = (release: Release): object => ({
  maxSkew: 1,
  topologyKey: 'kubernetes.io/hostname',
  whenUnsatisfiable: 'ScheduleAnyway',
  labelSelector: { matchLabels: selectorLabels(release) },
})

const container = (release: Release): object => {
  const { values } = release
  return {
    name: 'agenticore',
    ...image(release),
    args: ['serve'],
    ports: [{ name: 'http', containerPort: values.config.port, protocol: 'TCP' }],
    env: environment(values),
    securityContext: containerSecurity(values),
    resources: resources(values),
    // Until it answers at all, however slow the volume is; whether it still does; whether it is to be sent requests.
    startupProbe: probe('/health', { periodSeconds: 2, failureThreshold: 150 }),
    livenessProbe: probe('/health', { periodSeconds: 10, failureThreshold: 6 }),
    readinessProbe: probe('/ready', { periodSeconds: 5, failureThreshold: 2 }),
    lifecycle: {
      preStop: { exec: { command: ['agenticore', 'drain', '--timeout', String(values.drain.timeoutSeconds)] } },
    },
    volumeMounts: [{ name: 'shared', mountPath: values.sharedFs.root }, ...ownMounts, ...values.extraVolumeMounts],
  }
}

const probe = (path: string, times: { periodSeconds: number; failureThreshold: number }): object => ({
  httpGet: { path, port: 'http' },
  timeoutSeconds: 5,
  ...times,
})

/** On the node's disk but for the shared one; what is in them goes with the pod. */
const volumes = (release: Release): object[] => [
  { name: 'shared', persistentVolumeClaim: { claimName: claimName(release) } },
  { name: 'worktrees', emptyDir: { sizeLimit: release.values.worktrees.sizeLimit } },
  { name: 'home', emptyDir: { sizeLimit: '5Gi' } },
  { name: 'tmp', emptyDir: { sizeLimit: '5Gi' } },
  { name: 'var-tmp', emptyDir: { sizeLimit: '1Gi' } },
  { name: 'run', emptyDir: { medium: 'Memory', sizeLimit: '16Mi' } },
  ...release.values.extraVolumes,
]
