import t from 'tap'
import { manifests } from './manifests.ts'
import { readValues } from './read-values.ts'

/** Defaults that users of the original have relied on: the specification's tables, and the original's values.yaml. */
const defaults = {
  nameOverride: '',
  fullnameOverride: '',
  image: { repository: 'tccw/agenticore', tag: 'latest', pullPolicy: 'IfNotPresent' },
  imagePullSecrets: [],
  replicas: 2,
  config: {
    transport: 'sse',
    port: 8200,
    defaultProfile: 'coding',
    agentihooksProfile: 'coding',
    maxParallelJobs: 3,
    jobTtl: 86_400,
    claudeBinary: 'claude',
    claudeTimeout: 3600,
  },
  sharedFs: { root: '/shared', reposRoot: '/shared/repos', jobsDir: '/shared/job-state' },
  secretName: 'agenticore-secrets',
  storage: { className: 'nfs-client', size: '100Gi' },
  service: { type: 'LoadBalancer', port: 8200 },
  ingress: { enabled: false, className: '', annotations: {}, host: 'agenticore.example.com', tls: [] },
  keda: {
    enabled: false,
    minReplicas: 1,
    maxReplicas: 10,
    pollingInterval: 15,
    cooldownPeriod: 60,
    listLength: '5',
    redisAddress: 'redis:6379',
  },
  initJob: { enabled: true },
  agentihooks: { url: '', path: '', syncInterval: '' },
  extraEnv: [],
  podAnnotations: {},
  podSecurityContext: {},
  securityContext: {},
  nodeSelector: {},
  affinity: {},
  tolerations: [],
}

const made = (...sets: string[]): ReadonlyMap<string, readonly object[]> =>
  manifests({ name: 'agenticore', namespace: 'default', values: readValues({ sets }) })

t.test('the defaults are those of the specification', async t => {
  t.match(readValues({}), defaults)
})

t.test('its objects, under its names, in its files', async t => {
  const names = (files: ReturnType<typeof made>, file: string): unknown =>
    files.get(file)?.map(object => [Reflect.get(object, 'kind'), Reflect.get(object, 'metadata').name])
  const files = made('keda.enabled=true')
  t.strictSame(names(files, 'pvc-shared.yaml'), [['PersistentVolumeClaim', 'agenticore-shared']])
  t.strictSame(names(files, 'statefulset.yaml'), [['StatefulSet', 'agenticore']])
  t.strictSame(names(files, 'headless-service.yaml'), [['Service', 'agenticore-headless']])
  t.strictSame(names(files, 'service.yaml'), [['Service', 'agenticore']])
  t.strictSame(names(files, 'keda-scaledobject.yaml'), [
    ['ScaledObject', 'agenticore-scaler'],
    ['TriggerAuthentication', 'agenticore-redis-auth'],
  ])
})

t.test('a pod: four capabilities, nothing to write on, no token, drained in 270 of 300 seconds', async t => {
  const [{ spec } = { spec: undefined }] = made().get('statefulset.yaml') as { spec: unknown }[]
  t.match(spec, {
    replicas: 2,
    podManagementPolicy: 'Parallel',
    template: {
      metadata: { labels: { app: 'agenticore' } },
      spec: {
        automountServiceAccountToken: false,
        terminationGracePeriodSeconds: 300,
        securityContext: { seccompProfile: { type: 'RuntimeDefault' } },
        containers: [
          {
            lifecycle: { preStop: { exec: { command: ['agenticore', 'drain', '--timeout', '270'] } } },
            startupProbe: { httpGet: { path: '/health' } },
            livenessProbe: { httpGet: { path: '/health' } },
            readinessProbe: { httpGet: { path: '/ready' } },
          },
        ],
      },
    },
  })
  const [container] = Reflect.get(Reflect.get(Reflect.get(spec as object, 'template'), 'spec'), 'containers')
  t.strictSame(container.securityContext, {
    runAsUser: 0,
    runAsGroup: 0,
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ['ALL'], add: ['SETUID', 'SETGID', 'KILL', 'CHOWN'] },
  })
})

t.test('KEDA: what waits is added to what is busy, and nothing goes in a hurry', async t => {
  const [scaled] = made('keda.enabled=true').get('keda-scaledobject.yaml') ?? []
  t.match(scaled, {
    spec: {
      minReplicaCount: 1,
      maxReplicaCount: 10,
      fallback: { behavior: 'currentReplicasIfHigher' },
      advanced: {
        scalingModifiers: { formula: 'floor + queue / 5', target: '1' },
        horizontalPodAutoscalerConfig: { behavior: { scaleDown: { stabilizationWindowSeconds: 300 } } },
      },
      triggers: [
        { name: 'queue', metadata: { address: 'redis.default.svc:6379', listName: 'agenticore:queue' } },
        { name: 'floor', metadata: { address: 'redis.default.svc:6379', listName: 'agenticore:scale:floor' } },
      ],
    },
  })
})
