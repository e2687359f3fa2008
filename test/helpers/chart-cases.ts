export interface ChartCase {
  /** Of the release. */
  readonly name?: string
  /** As after `--set`. */
  readonly sets?: readonly string[]
  /** As after `-f`. */
  readonly file?: string
}

const label = 'example.com/pool'

/** What files of values say. */
const values: Readonly<Record<string, object>> = {
  'KEDA without a formula': { keda: { enabled: true, formula: false, listLength: 10, maxReplicas: 20 } },
  'KEDA by TLS': { keda: { enabled: true, tls: true, caSecretKey: 'redis-ca', databaseIndex: 3, minReplicas: 2 } },
  'another prefix': { keda: { enabled: true }, config: { redisKeyPrefix: '{team-a}' } },
  'an Ingress with TLS': {
    ingress: {
      enabled: true,
      className: 'nginx',
      annotations: { 'nginx.ingress.kubernetes.io/proxy-buffering': 'off' },
      host: 'jobs.example.com',
      tls: [{ secretName: 'jobs-tls', hosts: ['jobs.example.com'] }],
    },
  },
  'a NetworkPolicy with callers': {
    networkPolicy: { enabled: true, from: [{ namespaceSelector: {} }, { ipBlock: { cidr: '10.0.0.0/8' } }] },
  },
  'a volume that is there': { storage: { existingClaim: 'company-volume' } },
  "more of the cluster's storage class": { storage: { className: '', size: '500Gi' } },
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
  'agentihooks by a URL': { agentihooks: { url: 'https://github.com/your-org/agentihooks', syncInterval: 300 } },
  'a short drain': { drain: { timeoutSeconds: 60, gracePeriodSeconds: 120 } },
  'another Secret, a numeric tag': { secretName: 'team-a', image: { tag: 20261129, pullPolicy: 'Always' } },
}

/** YAML is a superset of JSON. */
const byFiles = Object.fromEntries(
  Object.entries(values).map(([name, given]): [string, ChartCase] => [name, { file: JSON.stringify(given) }]),
)

/** What users give; each is rendered by the chart and by `install-k8s`, and shown to a real API server (scripts/cluster-test). */
export const chartCases: Readonly<Record<string, ChartCase>> = {
  ...byFiles,
  'nothing given': {},
  'another release': { name: 'team-a', sets: ['storage.className=efs-sc,replicas=5'] },
  'names given': { sets: ['nameOverride=robots', 'fullnameOverride=our-robots'] },
  'a long name': { name: 'a-release-with-a-name-that-is-as-long-as-it-can-be-in' },
  'no agent users': { sets: ['agent.isolation=none'] },
  'a claim that is there': { sets: ['storage.existingClaim=team-volume,initJob.enabled=false'] },
  "the cluster's storage class": { sets: ['storage.className=,storage.size=1.5Ti'] },
  'two jobs a pod': { sets: ['config.maxParallelJobs=2'] },
  'six jobs a pod': { sets: ['config.maxParallelJobs=6'] },
  'eleven jobs a pod': { sets: ['config.maxParallelJobs=11'] },
  KEDA: { sets: ['keda.enabled=true'] },
  'KEDA, other numbers': {
    sets: ['keda.enabled=true,keda.listLength=10,keda.minReplicas=2,keda.maxReplicas=20,config.redisKeyPrefix=team:a'],
  },
  'KEDA before 2.17, TLS': {
    sets: ['keda.enabled=true,keda.formula=false,keda.tls=true,keda.databaseIndex=3,keda.caSecretKey=redis-ca'],
  },
  'KEDA, Redis elsewhere': { sets: ['keda.enabled=true,keda.redisAddress=redis.example.com:6380'] },
  'KEDA, Sentinels': {
    sets: ['keda.enabled=true,keda.sentinelMaster=mymaster,keda.redisAddress=s1:26379\\,s2.data.svc:26379'],
  },
  'KEDA, Sentinels from the Secret': { sets: ['keda.enabled=true,keda.sentinelMaster=mymaster,keda.redisAddress='] },
  'KEDA, Redis from the Secret': { sets: ['keda.enabled=true,keda.redisAddress='] },
  'another service': {
    sets: ['service.port=80,config.port=9000', 'service.loadBalancerSourceRanges={10.0.0.0/8,::1/128}'],
  },
  agentihooks: {
    sets: ['agentihooks.url=https://example.com/a/b,agentihooks.syncInterval=300,agentihooks.path=/opt/hooks'],
  },
  'variables of the user': {
    sets: [
      'extraEnv[0].name=AGENTICORE_LOG_LEVEL,extraEnv[0].value=debug',
      'extraEnv[1].name=AGENTICORE_PORT,extraEnv[1].value=one',
    ],
  },
  'letters that mean something': {
    sets: ['podAnnotations.example\\.com/a=1\\,2<&>,podAnnotations.b=true1', 'image.tag=12,nodeSelector.disk=ssd'],
  },
  'whole numbers of a file': {
    file: 'image: {tag: 20261129}\nkeda: {enabled: true, listLength: 1000000, databaseIndex: 10000000}\ndrain: {timeoutSeconds: 1000000, gracePeriodSeconds: 2000000}\n',
  },
  'words that YAML takes for others': {
    name: '1e3',
    sets: [
      'fullnameOverride=off,secretName=on,storage.existingClaim=012,nameOverride=on,serviceAccountName=null0,priorityClassName=yes',
    ],
  },
  'much of it': {
    sets: [
      'podDisruptionBudget.enabled=false,topologySpread.enabled=false,priorityClassName=high,serviceAccountName=robot',
    ],
    file: `imagePullSecrets: [{name: registry}]
podLabels: {team: a}
tolerations: [{key: gpu, operator: Exists}]
affinity: {nodeAffinity: {}}
securityContext: {runAsGroup: 5, capabilities: {add: [SETUID]}}
podSecurityContext: {fsGroup: 7}
extraVolumes: [{name: ca, configMap: {name: ca}}]
extraVolumeMounts: [{name: ca, mountPath: /ca}]
drain: {timeoutSeconds: 60, gracePeriodSeconds: 90}
sharedFs: {root: /mnt, reposRoot: /mnt/repos, jobsDir: /mnt/job-state}
config: {jobTtl: 31536000, claudeTimeout: 1000000}
`,
  },
}
