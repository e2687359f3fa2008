import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { execa } from 'execa'
import { parseAllDocuments } from 'yaml'
import type { KubernetesObject } from '../../src/kubernetes/release.ts'

const root = join(import.meta.dirname, '../..')
export const chart = join(root, 'manifests/charts/agenticore')

export interface ChartCase {
  readonly name?: string
  readonly sets?: readonly string[]
  readonly file?: string
}

/** What users give; each is rendered by the chart and by `install-k8s`. */
export const chartCases: Readonly<Record<string, ChartCase>> = {
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
  'resources given': { sets: ['resources.limits.memory=8Gi,resources.requests.cpu=250m,resources.limits.cpu=2'] },
  KEDA: { sets: ['keda.enabled=true'] },
  'KEDA, other numbers': {
    sets: ['keda.enabled=true,keda.listLength=10,keda.minReplicas=2,keda.maxReplicas=20,config.redisKeyPrefix=team:a'],
  },
  'KEDA before 2.12, TLS': {
    sets: ['keda.enabled=true,keda.formula=false,keda.tls=true,keda.databaseIndex=3,keda.caSecretKey=redis-ca'],
  },
  'KEDA, Redis elsewhere': { sets: ['keda.enabled=true,keda.redisAddress=redis.example.com:6380'] },
  'KEDA, Redis from the Secret': { sets: ['keda.enabled=true,keda.redisAddress='] },
  'an ingress': {
    sets: ['ingress.enabled=true,ingress.className=nginx,ingress.host=jobs.example.com'],
    file: 'ingress:\n  annotations: {a/b: "1"}\n  tls: [{secretName: tls, hosts: [jobs.example.com]}]\n',
  },
  'a network policy': { file: 'networkPolicy:\n  enabled: true\n  from: [{namespaceSelector: {}}]\n' },
  'another service': {
    sets: [
      'service.type=ClusterIP,service.port=80,config.port=9000',
      'service.loadBalancerSourceRanges={10.0.0.0/8,::1/128}',
    ],
  },
  agentihooks: {
    sets: ['agentihooks.url=https://example.com/a/b,agentihooks.syncInterval=300,agentihooks.path=/opt/hooks'],
  },
  'variables of the user': {
    sets: [
      'extraEnv[0].name=AGENTICORE_LOG_LEVEL,extraEnv[0].value=debug',
      'extraEnv[1].name=AGENTICORE_PORT,extraEnv[1].value=1',
    ],
  },
  'letters that mean something': {
    sets: ['podAnnotations.example\\.com/a=1\\,2<&>,podAnnotations.b=true1', 'image.tag=12,nodeSelector.disk=ssd'],
  },
  'whole numbers of a file': {
    file: 'image: {tag: 20261129}\nkeda: {enabled: true, listLength: 1000000, databaseIndex: 10000000}\n',
  },
  'words that YAML takes for others': {
    name: '1e3',
    sets: ['secretName=on,storage.existingClaim=012,nameOverride=on,serviceAccountName=null0,priorityClassName=yes'],
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

export const namespace = 'agents'

/** What real helm makes of it. @throws when it refuses */
export async function helmObjects({ name = 'agenticore', sets = [], file }: ChartCase): Promise<KubernetesObject[]> {
  const given = [...sets.flatMap(each => ['--set', each]), ...(file === undefined ? [] : ['-f', '-'])]
  const input = file === undefined ? {} : { input: file }
  const args = ['template', name, chart, '--namespace', namespace, '--skip-tests', ...given]
  const { stdout } = await execa('helm', args, input)
  return objectsOf(stdout)
}

export const objectsOf = (yaml: string): KubernetesObject[] =>
  parseAllDocuments(yaml).flatMap(document => document.toJS() ?? [])

export const helmVersion = async (): Promise<string | undefined> => {
  const { stdout, failed } = await execa('helm', ['version', '--short'], { reject: false })
  return failed ? undefined : stdout
}

/** In an order of their own, keys, too: what is equal has the same digest. */
export const digestOf = (objects: readonly KubernetesObject[]): string => {
  const texts = objects.map(object => JSON.stringify(object, sortedKeys)).sort()
  return createHash('sha256').update(texts.join('\n')).digest('hex')
}

const sortedKeys = (_: string, held: unknown): unknown =>
  typeof held === 'object' && held !== null && !Array.isArray(held)
    ? Object.fromEntries(Object.entries(held).sort(([a], [b]) => (a < b ? -1 : 1)))
    : held

/** Of all files of the chart that have a say in what is rendered. */
export function chartDigest(): string {
  const hash = createHash('sha256')
  for (const name of readdirSync(chart, { recursive: true, encoding: 'utf8' }).sort()) {
    const path = join(chart, name)
    if (statSync(path).isFile()) hash.update(`${name}\0`).update(readFileSync(path))
  }
  return hash.digest('hex')
}

export interface Recorded {
  readonly helm: string
  readonly chart: string
  readonly renderings: Readonly<Record<string, string>>
}

export const recordedFile = join(root, 'test/fixtures/chart/renderings.json')
