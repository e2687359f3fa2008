import { readFileSync } from 'node:fs'
import { execa } from 'execa'
import t from 'tap'
import { manifests } from '../../src/kubernetes/manifests.ts'
import { readValues } from '../../src/kubernetes/read-values.ts'
import type { KubernetesObject } from '../../src/kubernetes/release.ts'
import {
  chart,
  chartDigest,
  digestOf,
  helmObjects,
  helmVersion,
  namespace,
  objectsOf,
  type Recorded,
  recordedFile,
} from '../helpers/chart.ts'
import { type ChartCase, chartCases } from '../helpers/chart-cases.ts'

function ours({ name = 'agenticore', sets = [], file }: ChartCase): KubernetesObject[] {
  const files = file === undefined ? [] : [{ name: 'values.yaml', text: file }]
  return [...manifests({ name, namespace, values: readValues({ files, sets }) }).values()].flat()
}

const byName = (objects: readonly KubernetesObject[]): Record<string, KubernetesObject> =>
  Object.fromEntries(objects.map(object => [`${object.kind} ${object.metadata.name}`, object]))

const helm = await helmVersion()
const skip = helm === undefined ? 'no helm here; the recorded renderings are compared' : false
const recorded: Recorded = JSON.parse(readFileSync(recordedFile, 'utf8'))

t.test('install-k8s prints what the chart renders', { skip }, async t => {
  for (const [name, given] of Object.entries(chartCases))
    t.same(byName(ours(given)), byName(await helmObjects(given)), name)
})

t.test('and what it rendered when that was written down', async t => {
  t.equal(chartDigest(), recorded.chart, 'after a change of the chart: scripts/record-chart')
  for (const [name, given] of Object.entries(chartCases))
    t.equal(digestOf(ours(given)), recorded.renderings[name], name)
})

t.test('helm finds nothing to complain of', { skip }, async t => {
  const { all, failed } = await execa('helm', ['lint', '--strict', chart], { all: true, reject: false })
  t.notOk(failed, all)
})

t.test('both refuse what is wrong', { skip }, async t => {
  for (const set of [
    'keda.enable=true',
    'replica=3',
    'config.port=high',
    'agent.isolation=some',
    'storage.size=lots',
    'replicas=null',
    'resources=null',
    'nodeSelector.a=null',
    'sharedFs.reposRoot=/shared/../etc',
    'worktrees.cacheLimit=lots',
    'service.loadBalancerSourceRanges={}',
    'securityContext.capabilities=null',
    'extraEnv[0].name=A,extraEnv[0].value=1',
  ]) {
    t.throws(() => readValues({ sets: [set] }), { name: 'ValuesError' }, set)
    await t.rejects(helmObjects({ sets: [set] }), /values don't meet the specifications/, set)
  }
  for (const set of [
    'keda.minReplicas=11',
    'drain.gracePeriodSeconds=60',
    'keda.redisAddress=a:1\\,b:2',
    'sharedFs.root=/mnt',
    'sharedFs.root=/tmp,sharedFs.reposRoot=/tmp/repos,sharedFs.jobsDir=/tmp/job-state',
    'sharedFs.root=/usr/share/x,sharedFs.reposRoot=/usr/share/x/repos,sharedFs.jobsDir=/usr/share/x/job-state',
    'sharedFs.root=/home/,sharedFs.reposRoot=/home/repos,sharedFs.jobsDir=/home/job-state',
    'service.type=ClusterIP,service.loadBalancerSourceRanges={::1/128}',
  ]) {
    const said =
      /more than keda.maxReplicas|30 more than drain|is not on the volume|would hide|those need keda.sentinelMaster|LoadBalancer alone/
    t.throws(() => readValues({ sets: [set] }), said, set)
    await t.rejects(helmObjects({ sets: [set] }), said, set)
  }
})

t.test('a namespace of digits is a name', { skip }, async t => {
  const { stdout } = await execa('helm', ['template', 'x', chart, '-n', '123', '--set', 'keda.enabled=true'])
  for (const { kind, metadata } of objectsOf(stdout)) t.equal(metadata.namespace, '123', kind)
})

t.test('both refuse a name that a Service cannot have', { skip }, async t => {
  for (const name of ['1st', 'a.b']) {
    t.throws(() => ours({ name }), { name: 'ValuesError', message: /no name for a Service/ })
    await t.rejects(helmObjects({ name }), /no name for a Service/)
  }
})

t.test('the test of the chart runs a job through the Service', { skip }, async t => {
  const { stdout } = await execa('helm', [
    'template',
    'agenticore',
    chart,
    '--show-only',
    'templates/tests/first-job.yaml',
  ])
  t.match(stdout, /args: \[run, echo hello world, --wait/)
  t.match(stdout, 'value: http://agenticore:8200')
  t.notMatch(stdout, 'app: agenticore\n')
})
