import { z } from 'zod'
import {
  anything,
  asInKubernetes,
  count,
  group,
  labels,
  name,
  namedInKubernetes,
  path,
  quantities,
  quantity,
  reference,
  value,
  whole,
} from './value-kinds.ts'

const image = group(
  {
    repository: value(z.string().min(1), 'tccw/agenticore', 'The image, without its tag.'),
    tag: value(
      z.union([z.string().min(1), z.int()]),
      'latest',
      'Its tag. Name one that does not move: what `latest` is differs from node to node.',
    ),
    pullPolicy: value(
      z.enum(['Always', 'IfNotPresent', 'Never']),
      'IfNotPresent',
      'When a node fetches it: `Always`, `IfNotPresent`, `Never`.',
    ),
  },
  'What runs.',
)

const config = group(
  {
    transport: value(z.enum(['sse']), 'sse', 'Always `sse` in Kubernetes: REST over HTTP.'),
    port: value(whole(1, 65_535), 8200, 'Where a pod listens.'),
    defaultProfile: value(z.string(), 'coding', 'The profile of a job that names none.'),
    agentihooksProfile: value(z.string(), 'coding', 'The profile that agentihooks installs.'),
    maxParallelJobs: value(whole(1, 1000), 3, 'How many jobs a pod runs at once. What a pod may use follows from it.'),
    jobTtl: value(count(1), 86_400, 'Seconds that a job is kept after its end.'),
    claudeBinary: value(z.string().min(1), 'claude', 'The Claude Code CLI in the image: a name or a path.'),
    claudeTimeout: value(count(1), 3600, 'Seconds that one run of the agent may take.'),
    redisKeyPrefix: value(
      z.string().regex(/^[^\s]+$/),
      'agenticore',
      'Before every key in Redis; KEDA looks at the same ones.',
    ),
  },
  'Settings of agenticore. Others go into extraEnv by the names of docs/settings.md.',
)

/** What the specification says; nobody who has another Redis means this one. */
const defaultRedisAddress = 'redis:6379'

const keda = group(
  {
    enabled: value(z.boolean(), false, 'Whether KEDA decides how many pods there are.'),
    minReplicas: value(count(1), 1, 'Pods that there always are.'),
    maxReplicas: value(count(1), 10, 'Pods that there are at most.'),
    pollingInterval: value(count(1), 15, 'Seconds between two looks at Redis.'),
    cooldownPeriod: value(count(0), 60, 'Has no effect: it is about scaling to zero, and there always is a pod.'),
    listLength: value(
      z.union([z.string().regex(/^[1-9]\d*$/, 'has to be a number'), count(1)]),
      '5',
      'How many waiting jobs add a pod.',
    ),
    redisAddress: value(
      z.union([z.literal(''), z.string().regex(/^[^\s/,]+:\d+(,[^\s/,]+:\d+)*$/, 'has to be host:port')]),
      defaultRedisAddress,
      "Redis for KEDA, as host:port; a host without a dot is one of the release's namespace. Empty: the Secret's `redis-address`, which then has to have a dot, because KEDA looks from its own namespace. Where Helm asks the cluster, the Secret's `redis-address` or else its `redis-url` counts more than this default.",
    ),
    sentinelMaster: value(
      z.string().regex(/^[^\s/]*$/, 'has to be a name'),
      '',
      'The name of the master, where `redisAddress` is a Sentinel (or some, with commas between). Empty: there is none, or that of `redis-url`, where Helm asks the cluster and `redisAddress` is not given.',
    ),
    databaseIndex: value(
      z.union([z.literal(''), count(0)]),
      '',
      "Redis' database. Empty: that of the Secret's `redis-url`, where Helm asks the cluster; else 0.",
    ),
    tls: value(
      z.union([z.literal(''), z.boolean()]),
      '',
      "Whether Redis speaks TLS. Empty: when the Secret's `redis-url` says `rediss://`, where Helm asks the cluster.",
    ),
    caSecretKey: value(z.string(), '', "The key of the Secret that holds the CA of Redis' certificate, for KEDA."),
    scaleInSeconds: value(whole(0, 3600), 300, 'How long fewer pods have to be enough before one goes.'),
    formula: value(
      z.boolean(),
      true,
      'Waiting jobs add pods to those that are busy. `false`: the larger of the two counts, for KEDA before 2.17.',
    ),
  },
  'Scaling by what waits and what is busy.',
)

/**
 * The values of the chart, once: names, what they may be, what they are when nobody gives them, and what they do. The
 * chart's `values.yaml` and `values.schema.json` and docs/helm-values.md are written from here (scripts/manifests.ts).
 */
export const valuesSchema = z.strictObject({
  nameOverride: value(name, '', "Instead of the chart's name."),
  fullnameOverride: value(name, '', 'Instead of a name made of release and chart.'),
  image,
  imagePullSecrets: value(z.array(namedInKubernetes), [], 'Secrets that open the registry.'),
  replicas: value(count(0), 2, 'Pods, as long as KEDA does not decide.'),
  config,
  agent: group(
    {
      isolation: value(
        z.enum(['user', 'none']),
        'user',
        '`user`: each agent is a user of its own; the container starts as root with four capabilities. `none`: all are one user without any, as the restricted pod standard wants it; an agent can then read what the server can.',
      ),
    },
    'Who agents are.',
  ),
  agentihooks: group(
    {
      url: value(
        z.string(),
        '',
        'A repository of agentihooks to be installed at the start instead of the one in the image.',
      ),
      path: value(z.string(), '', 'A checkout of it that is mounted; counts more than the address.'),
      syncInterval: value(z.union([z.literal(''), count(0)]), '', 'Has no effect any more: restart the pods instead.'),
    },
    'Where agentihooks comes from.',
  ),
  secretName: value(
    reference.min(1),
    'agenticore-secrets',
    'The Secret with `redis-url`, and, where there are such, `redis-address`, `redis-username`, `redis-password`, `github-token`, `anthropic-api-key`, `api-keys`.',
  ),
  sharedFs: group(
    {
      root: value(path, '/shared', 'Where the shared volume is mounted.'),
      reposRoot: value(path, '/shared/repos', 'The clone cache on it.'),
      jobsDir: value(path, '/shared/job-state', 'The journal of jobs on it.'),
    },
    'Places on the volume that all pods share.',
  ),
  storage: group(
    {
      className: value(
        reference,
        'nfs-client',
        "A storage class with ReadWriteMany. Empty: the cluster's default. A volume that is there keeps its own.",
      ),
      size: value(quantity, '100Gi', 'How much of it.'),
      existingClaim: value(reference, '', 'A claim that is there already, instead of one of the chart.'),
    },
    'The volume that all pods share.',
  ),
  worktrees: group(
    {
      sizeLimit: value(quantity, '50Gi', 'A pod whose working trees and cache take more on its node is evicted.'),
      cacheLimit: value(
        z.string().regex(/^[1-9]\d{0,14} ?([KMGT]iB?|B)?$/, 'has to be a size like 20GiB'),
        '20GiB',
        'How much each tier of the clone cache may hold; one is in there.',
      ),
    },
    "Working trees, on a node's own disk.",
  ),
  initJob: group(
    { enabled: value(z.boolean(), true, 'Whether a Job lays out the shared volume after an install or upgrade.') },
    'The lay-out of the shared volume.',
  ),
  service: group(
    {
      type: value(z.enum(['LoadBalancer', 'ClusterIP', 'NodePort']), 'LoadBalancer', 'How the Service is reached.'),
      port: value(whole(1, 65_535), 8200, 'Its port.'),
      annotations: value(labels, {}, 'For the load balancer.'),
      loadBalancerSourceRanges: value(
        z.array(z.string().regex(/^[\d.a-fA-F:]+\/\d+$/, 'has to be a CIDR like 192.0.2.0/24')),
        [],
        'Who may come from outside, as CIDRs; all, if none is named.',
      ),
    },
    'How clients get to it.',
  ),
  ingress: group(
    {
      enabled: value(z.boolean(), false, 'Whether there is one.'),
      className: value(reference, '', 'Its class.'),
      annotations: value(labels, {}, 'Its annotations.'),
      host: value(z.string().min(1), 'agenticore.example.com', 'The host name.'),
      tls: value(z.array(asInKubernetes), [], 'Its TLS, as Kubernetes has it.'),
    },
    'An Ingress.',
  ),
  keda,
  networkPolicy: group(
    {
      enabled: value(z.boolean(), false, 'Whether pods are shut but for port 8200 and what they ask for themselves.'),
      from: value(z.array(asInKubernetes), [], 'Who may come in, as Kubernetes has it; everybody, if nobody is named.'),
    },
    'A NetworkPolicy. It also keeps agents away from the metadata service of clouds.',
  ),
  podDisruptionBudget: group(
    {
      enabled: value(z.boolean(), true, 'Whether there is one.'),
      maxUnavailable: value(count(1), 1, 'Pods that may be evicted at a time.'),
    },
    'How many pods a drained node may take at once.',
  ),
  topologySpread: group(
    { enabled: value(z.boolean(), true, 'Whether pods are spread over nodes as well as it can be done.') },
    'Where pods are.',
  ),
  drain: group(
    {
      timeoutSeconds: value(
        count(30),
        270,
        'What the PreStop hook may take; jobs that have not ended 25 s before that are handed over.',
      ),
      gracePeriodSeconds: value(count(31), 300, 'When a pod that is still there is killed; at least 30 s more.'),
    },
    'How a pod goes.',
  ),
  resources: value(
    z.strictObject({ requests: quantities, limits: quantities }).partial(),
    {},
    'What differs from what follows from config.maxParallelJobs.',
  ),
  extraEnv: value(
    z.array(z.object({ name: z.string().min(1), value: z.string().optional() }).catchall(anything)),
    [],
    'More variables, as Kubernetes has them. One that the chart sets, too, is as it is here.',
  ),
  extraVolumes: value(z.array(namedInKubernetes), [], 'More volumes.'),
  extraVolumeMounts: value(z.array(namedInKubernetes.extend({ mountPath: z.string() })), [], 'Where they are.'),
  podAnnotations: value(labels, {}, 'Annotations of the pods.'),
  podLabels: value(labels, {}, 'Labels of the pods.'),
  podSecurityContext: value(
    asInKubernetes,
    {},
    "What differs from the chart's own, which follows from agent.isolation.",
  ),
  securityContext: value(asInKubernetes, {}, 'The same for the container.'),
  serviceAccountName: value(
    z.string(),
    '',
    'A service account, for clouds that give one a role. Its token is not mounted.',
  ),
  priorityClassName: value(reference, '', 'The priority of the pods.'),
  nodeSelector: value(labels, {}, 'On which nodes pods may be.'),
  affinity: value(asInKubernetes, {}, 'The same, in more words.'),
  tolerations: value(z.array(asInKubernetes), [], 'Taints that they bear.'),
  global: asInKubernetes.optional().describe('Of a chart that this one is a part of; not used.'),
})

export type Values = z.output<typeof valuesSchema>
