import { digestOf } from './canonical.ts'
import { sharedPlaces } from './environment.ts'
import { fullName, helperLabels, image, type KubernetesObject, named, type Release, unlessEmpty } from './release.ts'
import { containerSecurity, podSecurity } from './security.ts'
import { claimName } from './storage.ts'

const component = 'init-shared-fs'

/**
 * Lays out the shared volume. A Job can never be changed: its name says what is in it, so that another one is another
 * Job, also for `kubectl apply`.
 */
export function initJob(release: Release): KubernetesObject[] {
  if (!release.values.initJob.enabled) return []
  const labels = helperLabels(release, component)
  const spec = podSpec(release)
  return [
    {
      apiVersion: 'batch/v1',
      kind: 'Job',
      metadata: named(release, `${fullName(release).slice(0, 37)}-${component}-${digestOf(spec)}`, labels, {
        annotations: {
          'helm.sh/hook': 'post-install,post-upgrade',
          'helm.sh/hook-delete-policy': 'before-hook-creation,hook-succeeded',
        },
      }),
      spec: {
        backoffLimit: 6,
        activeDeadlineSeconds: 600,
        ttlSecondsAfterFinished: 3600,
        template: { metadata: { labels }, spec },
      },
    },
  ]
}

function podSpec(release: Release): object {
  const { values } = release
  return {
    // The last try is there to be asked why.
    restartPolicy: 'Never',
    ...unlessEmpty('imagePullSecrets', values.imagePullSecrets),
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    securityContext: podSecurity(values),
    ...unlessEmpty('nodeSelector', values.nodeSelector),
    ...unlessEmpty('affinity', values.affinity),
    ...unlessEmpty('tolerations', values.tolerations),
    containers: [
      {
        name: component,
        ...image(release),
        args: [component],
        env: sharedPlaces(values),
        securityContext: containerSecurity(values),
        resources: {
          requests: { cpu: '50m', memory: '128Mi', 'ephemeral-storage': '64Mi' },
          limits: { memory: '512Mi' },
        },
        volumeMounts: [
          { name: 'shared', mountPath: values.sharedFs.root },
          { name: 'tmp', mountPath: '/tmp' },
        ],
      },
    ],
    volumes: [
      { name: 'shared', persistentVolumeClaim: { claimName: claimName(release) } },
      { name: 'tmp', emptyDir: { sizeLimit: '64Mi' } },
    ],
  }
}
