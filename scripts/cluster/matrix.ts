import type { Values } from './values.ts'

const label = 'example.com/pool'

/** Values that users set, each with what it takes beside it, by a name for them. */
export const matrix: Readonly<Record<string, Values>> = {
  defaults: {},
  KEDA: { keda: { enabled: true } },
  'KEDA without a formula': { keda: { enabled: true, formula: false, listLength: 10, maxReplicas: 20 } },
  'KEDA by TLS': { keda: { enabled: true, tls: true, caSecretKey: 'redis-ca', databaseIndex: 3, minReplicas: 2 } },
  'another prefix': { keda: { enabled: true }, config: { redisKeyPrefix: '{team-a}' } },
  'isolation none': { agent: { isolation: 'none' } },
  'an Ingress with TLS': {
    ingress: {
      enabled: true,
      className: 'nginx',
      annotations: { 'nginx.ingress.kubernetes.io/proxy-buffering': 'off' },
      host: 'jobs.example.com',
      tls: [{ secretName: 'jobs-tls', hosts: ['jobs.example.com'] }],
    },
  },
  'a NetworkPolicy': { networkPolicy: { enabled: true } },
  'a NetworkPolicy with callers': {
    networkPolicy: { enabled: true, from: [{ namespaceSelector: {} }, { ipBlock: { cidr: '10.0.0.0/8' } }] },
  },
  'a volume that is there': { storage: { existingClaim: 'company-volume' } },
  "the cluster's storage class": { storage: { className: '', size: '500Gi' } },
  'no init Job, no budget, no spread': {
    initJob: { enabled: false },
    podDisruptionBudget: { enabled: false },
    topologySpread: { enabled: false },
  },
  ClusterIP: { service: { type: 'ClusterIP', port: 80, annotations: { a: 'b' } } },
  NodePort: { service: { type: 'NodePort' } },
  'a balancer for some': { service: { loadBalancerSourceRanges: ['192.0.2.0/24'] } },
  'no pods': { replicas: 0 },
  'one job a pod': { config: { maxParallelJobs: 1 } },
  'ten jobs a pod': { config: { maxParallelJobs: 10 } },
  'forty jobs a pod': { config: { maxParallelJobs: 40 } },
  'other settings': {
    config: { port: 9000, defaultProfile: 'review', agentihooksProfile: 'default', jobTtl: 3600, claudeTimeout: 60 },
  },
  nameOverride: { nameOverride: 'agents' },
  fullnameOverride: {
    fullnameOverride: 'a-name-that-has-as-many-letters-as-the-name-of-an-object-can-have-x'.slice(0, 52),
  },
  resources: { resources: { requests: { cpu: '250m' }, limits: { cpu: 4, memory: '16Gi' } } },
  'more volumes and variables': {
    extraEnv: [
      { name: 'AGENTICORE_LOG_LEVEL', value: 'debug' },
      { name: 'HTTPS_PROXY', value: 'http://proxy:3128' },
    ],
    extraVolumes: [{ name: 'company-ca', configMap: { name: 'company-ca' } }],
    extraVolumeMounts: [{ name: 'company-ca', mountPath: '/etc/company-ca', readOnly: true }],
  },
  'where pods are': {
    nodeSelector: { [label]: 'agents' },
    tolerations: [{ key: label, operator: 'Exists', effect: 'NoSchedule' }],
    affinity: {
      podAntiAffinity: {
        preferredDuringSchedulingIgnoredDuringExecution: [
          { weight: 1, podAffinityTerm: { topologyKey: 'kubernetes.io/hostname', labelSelector: {} } },
        ],
      },
    },
    priorityClassName: 'system-cluster-critical',
  },
  'labels and accounts': {
    podAnnotations: { 'example.com/owner': 'team-a' },
    podLabels: { team: 'a' },
    serviceAccountName: 'default',
    imagePullSecrets: [{ name: 'registry' }],
  },
  'other places': {
    sharedFs: { root: '/mnt/shared', reposRoot: '/mnt/shared/clones', jobsDir: '/mnt/shared/journal' },
    worktrees: { sizeLimit: '10Gi', cacheLimit: '5GiB' },
  },
  agentihooks: { agentihooks: { url: 'https://github.com/your-org/agentihooks', syncInterval: 300 } },
  'a short drain': { drain: { timeoutSeconds: 60, gracePeriodSeconds: 120 } },
  'another Secret, a numeric tag': { secretName: 'team-a', image: { tag: 20261129, pullPolicy: 'Always' } },
}
