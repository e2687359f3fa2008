/** The Redis of a chapter, as docs/fleet.md wants it: an append-only file, and nothing thrown away. */

interface RedisWish {
  readonly password?: string
  /** Whether what it holds outlives its pod. */
  readonly isKept: boolean
}

const image = 'redis:7-bookworm'

/** A pod of one container that may write into `/data` alone, and is ready when its port is open. */
const pod = (name: string, port: number, command: readonly string[], volumes: object): object => ({
  metadata: { labels: { app: name } },
  spec: {
    automountServiceAccountToken: false,
    terminationGracePeriodSeconds: 5,
    securityContext: { runAsNonRoot: true, runAsUser: 999, seccompProfile: { type: 'RuntimeDefault' } },
    containers: [
      {
        name,
        image,
        command,
        ports: [{ containerPort: port }],
        readinessProbe: { tcpSocket: { port }, periodSeconds: 1 },
        securityContext: {
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ['ALL'] },
        },
        volumeMounts: [{ name: 'data', mountPath: '/data' }],
      },
    ],
    ...volumes,
  },
})

const service = (name: string, port: number): object => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name },
  spec: { selector: { app: name }, ports: [{ port }] },
})

const lostWithThePod = { volumes: [{ name: 'data', emptyDir: {} }] }

export function redisObjects({ password, isKept }: RedisWish): object[] {
  const [name, port] = ['redis', 6379]
  const secret = password === undefined ? [] : ['--requirepass', password]
  const command = ['redis-server', '--dir', '/data', '--bind', '*', '--protected-mode', 'no', '--save', '']
  const durable = ['--appendonly', 'yes', '--appendfsync', 'everysec', '--maxmemory-policy', 'noeviction']
  const claim = {
    metadata: { name: 'data' },
    spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
  }
  return [
    service(name, port),
    {
      apiVersion: 'apps/v1',
      kind: 'StatefulSet',
      metadata: { name },
      spec: {
        serviceName: name,
        selector: { matchLabels: { app: name } },
        template: pod(name, port, [...command, ...durable, ...secret], isKept ? {} : lostWithThePod),
        ...(isKept ? { volumeClaimTemplates: [claim] } : {}),
      },
    },
  ]
}

/** One that knows the place's Redis by a name that everybody in the cluster can resolve. */
export function sentinelObjects(namespace: string, password?: string): object[] {
  const [name, port] = ['sentinel', 26_379]
  const settings = [
    'sentinel resolve-hostnames yes',
    'sentinel announce-hostnames yes',
    `sentinel monitor mymaster redis.${namespace}.svc 6379 1`,
    ...(password === undefined ? [] : [`sentinel auth-pass mymaster ${password}`]),
  ]
  // It writes what it learns into its own file.
  const write = settings.map(line => `echo '${line}'`).join('; ')
  const start = 'exec redis-server /data/sentinel.conf --sentinel --protected-mode no'
  return [
    service(name, port),
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name },
      spec: {
        selector: { matchLabels: { app: name } },
        template: pod(name, port, ['sh', '-c', `{ ${write}; } >/data/sentinel.conf; ${start}`], lostWithThePod),
      },
    },
  ]
}
