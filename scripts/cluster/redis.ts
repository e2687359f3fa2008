/** The Redis of a chapter, as docs/fleet.md wants it: an append-only file, and nothing thrown away. */

interface RedisWish {
  readonly password?: string
  /** Whether what it holds outlives its pod. */
  readonly isKept: boolean
}

const labels = { app: 'redis' }
const image = 'redis:7-bookworm'

export function redisObjects({ password, isKept }: RedisWish): object[] {
  const secret = password === undefined ? [] : ['--requirepass', password]
  const command = ['redis-server', '--dir', '/data', '--bind', '*', '--protected-mode', 'no', '--save', '']
  const durable = ['--appendonly', 'yes', '--appendfsync', 'everysec', '--maxmemory-policy', 'noeviction']
  const container = {
    name: 'redis',
    image,
    command: [...command, ...durable, ...secret],
    ports: [{ containerPort: 6379 }],
    readinessProbe: { tcpSocket: { port: 6379 }, periodSeconds: 1 },
    securityContext: { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } },
    volumeMounts: [{ name: 'data', mountPath: '/data' }],
  }
  const pod = {
    automountServiceAccountToken: false,
    terminationGracePeriodSeconds: 5,
    securityContext: { runAsNonRoot: true, runAsUser: 999, seccompProfile: { type: 'RuntimeDefault' } },
    containers: [container],
    ...(isKept ? {} : { volumes: [{ name: 'data', emptyDir: {} }] }),
  }
  const claim = {
    metadata: { name: 'data' },
    spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
  }
  return [
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'redis' },
      spec: { selector: labels, ports: [{ port: 6379 }] },
    },
    {
      apiVersion: 'apps/v1',
      kind: 'StatefulSet',
      metadata: { name: 'redis' },
      spec: {
        serviceName: 'redis',
        selector: { matchLabels: labels },
        template: { metadata: { labels }, spec: pod },
        ...(isKept ? { volumeClaimTemplates: [claim] } : {}),
      },
    },
  ]
}
