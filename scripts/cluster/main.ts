/** See scripts/cluster-test. Runs inside the cluster's network. */
import { parseArgs, styleText } from 'node:util'
import { backup } from './chapters/backup.ts'
import { drain } from './chapters/drain.ts'
import { dryRun } from './chapters/dry-run.ts'
import { faults } from './chapters/faults.ts'
import { install } from './chapters/install.ts'
import { keda } from './chapters/keda.ts'
import { migration } from './chapters/migration.ts'
import { sentinel } from './chapters/sentinel.ts'
import { upgrade } from './chapters/upgrade.ts'
import { evidence } from './evidence.ts'
import { type Outside, openOutside } from './outside.ts'
import { Chapter, writePage } from './report.ts'
import { ran } from './run.ts'

const chapters: Readonly<
  Record<string, readonly [title: string, work: (chapter: Chapter, outside: Outside) => Promise<void>]>
> = {
  install: ['from the chart, the raw manifests and install-k8s', install],
  'dry-run': ['what the API server accepts', dryRun],
  drain: ['a pod that has to go', drain],
  faults: ['pods, Redis and the node fail while jobs run', faults],
  keda: ['as many pods as it takes', keda],
  sentinel: ['Redis by a Sentinel', sentinel],
  upgrade: ['helm upgrade', upgrade],
  migration: ["from the original's chart", migration],
  backup: ['everything lost, and brought back', backup],
}

async function versions(): Promise<string> {
  const kubernetes = /serverVersion:[\s\S]*?gitVersion: (\S+)/.exec(
    await ran('kubectl', ['version', '--output=yaml']),
  )?.[1]
  const helm = await ran('helm', ['version', '--template={{.Version}}'])
  const log = await ran('kubectl', ['--namespace', 'keda', 'logs', 'deployment/keda-operator'])
  const keda = /KEDA Version: (\S+)/.exec(log)?.[1]
  // Of the image, as scripts/cluster-test found it there.
  const revision = process.env.REVISION?.slice(0, 9)
  return `Kubernetes ${kubernetes}, Helm ${helm}, KEDA ${keda}, agenticore ${revision}.`
}

/** Stops kubelet, which nobody else would bear. */
const alone = 'faults'

const order = Object.keys(chapters)
// Before there is much to do.
const found = await versions()
const { values: flags, positionals: asked } = parseArgs({
  options: { together: { type: 'boolean', default: false } },
  allowPositionals: true,
})
const unknown = asked.filter(name => !order.includes(name))
if (unknown.length > 0) {
  console.error(`There is no chapter ${unknown.join(', ')}. There are: ${order.join(', ')}.`)
  process.exit(2)
}
const wanted = asked.length > 0 ? asked : order

async function told(name: string, outside: Outside): Promise<Chapter[]> {
  const [title, work] = chapters[name] ?? []
  if (title === undefined || work === undefined) return []
  const chapter = new Chapter(name, title)
  try {
    await work(chapter, outside)
  } catch (error) {
    chapter.report('the chapter came to its end', false, error instanceof Error ? error.message : error)
  }
  // Whatever happens to those that follow.
  writePage([chapter], order, found)
  return [chapter]
}

const outside = await openOutside()
const done: Chapter[] = []
try {
  const groups = flags.together
    ? [wanted.filter(name => name !== alone), wanted.filter(name => name === alone)]
    : wanted.map(name => [name])
  for (const group of groups) done.push(...(await Promise.all(group.map(name => told(name, outside)))).flat())
} finally {
  await outside.stop()
}
const failed = done.reduce((sum, chapter) => sum + chapter.failed, 0)
console.log(
  failed === 0 ? styleText('green', '\nAll kept.') : `\n${failed} not kept; logs of the pods are in ${evidence}.`,
)
process.exitCode = failed > 0 ? 1 : 0
