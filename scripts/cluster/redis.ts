/** The Redis of a chapter, as docs/fleet.md wants it: an append-only file, and nothing thrown away. */

interface RedisWish {
  readonly password?: string
  /** Whether what it holds outlives its pod. */
  readonly isKept: boolean
}

const labels = { app: 'redis' }
const image = 'redis:7-bookworm'
const harmless = { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } }
const nobody = { runAsNonRoot: true, runAsUser: 999, seccompProfile: { type: 'RuntimeDefault' } }

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
    securityContext: harmless,
    volumeMounts: [{ name: 'data', mountPath: '/data' }],
  }
  const pod = {
    automountServiceAccountToken: false,
    terminationGracePeriodSeconds: 5,
    securityContext: nobody,
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

/** One that knows the place's Redis by a name that everybody in the cluster can resolve. */
export function sentinelObjects(namespace: string, password?: string): object[] {
  const sentinel = { app: 'sentinel' }
  const settings = [
    'sentinel resolve-hostnames yes',
    'sentinel announce-hostnames yes',
    `sentinel monitor mymaster redis.${namespace}.svc 6379 1`,
    ...(password === undefined ? [] : [`sentinel auth-pass mymaster ${password}`]),
  ]
  // It writes what it learns into its own file.
  const write = settings.map(line => `echo '${line}'`).join('; ')
  const container = {
    name: 'sentinel',
    image,
    command: [
      'sh',
      '-c',
      `{ ${write}; } >/data/sentinel.conf; exec redis-server /data/sentinel.conf --sentinel --protected-mode no`,
    ],
    ports: [{ containerPort: 26_379 }],
    readinessProbe: { tcpSocket: { port: 26_379 }, periodSeconds: 1 },
    securityContext: harmless,
    volumeMounts: [{ name: 'data', mountPath: '/data' }],
  }
  const pod = {
    automountServiceAccountToken: false,
    terminationGracePeriodSeconds: 5,
    securityContext: nobody,
    containers: [container],
    volumes: [{ name: 'data', emptyDir: {} }],
  }
  return [
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'sentinel' },
      spec: { selector: sentinel, ports: [{ port: 26_379 }] },
    },
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'sentinel' },
      spec: { selector: { matchLabels: sentinel }, template: { metadata: { labels: sentinel }, spec: pod } },
    },
  ]
}
