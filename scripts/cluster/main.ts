/** See scripts/cluster-test. Runs inside the cluster's network. */
import { styleText } from 'node:util'
import { drain } from './chapters/drain.ts'
import { dryRun } from './chapters/dry-run.ts'
import { faults } from './chapters/faults.ts'
import { install } from './chapters/install.ts'
import { keda } from './chapters/keda.ts'
import { upgrade } from './chapters/upgrade.ts'
import { type Outside, openOutside } from './outside.ts'
import { evidence } from './place.ts'
import { Chapter, writePage } from './report.ts'
import { ran, root } from './run.ts'

const chapters: Readonly<
  Record<string, readonly [title: string, work: (chapter: Chapter, outside: Outside) => Promise<void>]>
> = {
  install: ['from the chart, the raw manifests and install-k8s', install],
  'dry-run': ['what the API server accepts', dryRun],
  drain: ['a pod that has to go', drain],
  faults: ['pods, Redis and the node fail while jobs run', faults],
  keda: ['as many pods as it takes', keda],
  upgrade: ['helm upgrade', upgrade],
}

async function versions(): Promise<string> {
  const kubernetes = /serverVersion:[\s\S]*?gitVersion: (\S+)/.exec(
    await ran('kubectl', ['version', '--output=yaml']),
  )?.[1]
  const helm = await ran('helm', ['version', '--template={{.Version}}'])
  const operator = [
    '--namespace',
    'keda',
    'get',
    'deployment/keda-operator',
    '--output=jsonpath={..containers[0].image}',
  ]
  const keda = (await ran('kubectl', operator)).replace(/.*:/, '')
  const revision = await ran('git', ['-C', root, 'rev-parse', '--short', 'HEAD'])
  return `Kubernetes ${kubernetes}, Helm ${helm}, KEDA ${keda}, agenticore ${revision}.`
}

const order = Object.keys(chapters)
const asked = process.argv.slice(2)
const unknown = asked.filter(name => !order.includes(name))
if (unknown.length > 0) {
  console.error(`There is no chapter ${unknown.join(', ')}. There are: ${order.join(', ')}.`)
  process.exit(2)
}

const done: Chapter[] = []
const outside = await openOutside()
try {
  for (const name of asked.length > 0 ? asked : order) {
    const [title, work] = chapters[name] ?? []
    if (title === undefined || work === undefined) continue
    const chapter = new Chapter(name, title)
    done.push(chapter)
    try {
      await work(chapter, outside)
    } catch (error) {
      chapter.report('the chapter came to its end', false, error instanceof Error ? error.message : error)
    }
  }
} finally {
  await outside.stop()
  writePage(done, order, await versions())
}
const failed = done.reduce((sum, chapter) => sum + chapter.failed, 0)
console.log(
  failed === 0 ? styleText('green', '\nAll kept.') : `\n${failed} not kept; logs of the pods are in ${evidence}.`,
)
process.exitCode = failed > 0 ? 1 : 0
