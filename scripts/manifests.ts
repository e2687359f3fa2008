/**
 * Writes what is said about Kubernetes elsewhere, too, from src/kubernetes: the chart's values.yaml and
 * values.schema.json, docs/helm-values.md, and the raw manifests. With --check it writes nothing and fails where a file
 * says something else.
 */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { parseArgs } from 'node:util'
import { Document, isMap, isPair, isScalar } from 'yaml'
import { z } from 'zod'
import { manifests } from '../src/kubernetes/manifests.ts'
import { readValues, shapeOf } from '../src/kubernetes/read-values.ts'
import { toYaml } from '../src/kubernetes/to-yaml.ts'
import { valuesSchema } from '../src/kubernetes/values.ts'

const root = join(import.meta.dirname, '..')
const chart = 'manifests/charts/agenticore'
const raw = 'manifests/k8s'
const source = 'Written by scripts/manifests.ts from src/kubernetes/values.ts: edit that, then run `npm run manifests`.'

const isGroup = (schema: unknown): boolean => Object.keys(shapeOf(schema)).length > 0

/** Values that nobody has to give, with what they mean above them. */
function valuesFile(): string {
  const document = new Document(readValues({}))
  document.commentBefore = ` ${source}`
  const comment = (node: unknown, schema: unknown): void => {
    if (!isMap(node)) return
    for (const pair of node.items) {
      if (!isPair(pair) || !isScalar(pair.key)) continue
      const inner = shapeOf(schema)[String(pair.key.value)]
      pair.key.commentBefore = ` ${inner?.description ?? ''}`
      if (schema === valuesSchema) pair.key.spaceBefore = true
      if (isGroup(inner)) comment(pair.value, inner)
    }
  }
  comment(document.contents, valuesSchema)
  return document.toString({ lineWidth: 0 })
}

function schemaFile(): string {
  const schema = z.toJSONSchema(valuesSchema, {
    io: 'input',
    target: 'draft-7',
    override({ jsonSchema }) {
      const { properties = {}, required = [] } = jsonSchema
      // What has a default is missing only where somebody has said null.
      const all = Object.keys(properties).filter(key => required.includes(key) || hasDefault(properties[key]))
      if (all.length > 0) jsonSchema.required = all
    },
  })
  return `${JSON.stringify(schema, null, 2)}\n`
}

const hasDefault = (schema: unknown): boolean => typeof schema === 'object' && schema !== null && 'default' in schema

function valuesPage(): string {
  const defaults: unknown = readValues({})
  const rows = (schema: unknown, held: unknown, prefix: string): string[] =>
    Object.entries(shapeOf(schema)).flatMap(([key, inner]) => {
      const value = (held as Record<string, unknown>)[key]
      const below = rows(inner, value, `${prefix}${key}.`)
      if (below.length > 0) return below
      return value === undefined
        ? []
        : [`| \`${prefix}${key}\` | \`${JSON.stringify(value)}\` | ${inner.description?.replaceAll('|', '\\|')} |`]
    })
  return `<!-- ${source} -->

# Values of the chart

For \`helm install --set\` or \`-f\`, and for \`agenticore install-k8s\`, which takes the same ones. Another name is an error,
of which \`install-k8s\` says the nearest. [Kubernetes](kubernetes.md) says how they are used.

| value | default | |
| --- | --- | --- |
${rows(valuesSchema, defaults, '').join('\n')}
`
}

/**
 * As `install-k8s` prints them, but for the image, which is written so that it can be replaced, the Job, which would need
 * the same (servers lay the volume out themselves), and with KEDA's objects beside the fixed number of pods.
 */
function rawFiles(): [string, string][] {
  const image = ['image.repository=agenticore,image.tag=latest', 'initJob.enabled=false']
  const release = (sets: string[]) => ({ name: 'agenticore', values: readValues({ sets: [...image, ...sets] }) })
  const files = new Map(manifests(release([])))
  const keda = 'keda.enabled=true,keda.redisAddress=redis.default.svc:6379'
  const scaler = manifests(release([keda])).get('keda-scaledobject.yaml') ?? []
  return [...files.set('keda-scaledobject.yaml', scaler)].map(([name, objects]) => [
    join(raw, name),
    `# Written by scripts/manifests.ts from src/kubernetes; docs/kubernetes.md says how it is used.\n${toYaml(objects)}`,
  ])
}

function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

const { values: flags } = parseArgs({ options: { check: { type: 'boolean' } } })
const wanted = new Map([
  [join(chart, 'values.yaml'), valuesFile()],
  [join(chart, 'values.schema.json'), schemaFile()],
  ['docs/helm-values.md', valuesPage()],
  ...rawFiles(),
])
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
const chartFile = join(chart, 'Chart.yaml')
wanted.set(chartFile, readOrEmpty(join(root, chartFile)).replace(/^((?:appV|v)ersion:) .*$/gm, `$1 ${version}`))

const say = (name: string, done: string): void => {
  console.log(`${name} ${flags.check ? 'is stale: run npm run manifests' : done}`)
  if (flags.check) process.exitCode = 1
}
for (const [name, content] of wanted) {
  const path = join(root, name)
  if (readOrEmpty(path) === content) continue
  mkdirSync(dirname(path), { recursive: true })
  if (!flags.check) writeFileSync(path, content)
  say(name, 'written')
}
for (const name of readdirSync(join(root, raw)).map(each => join(raw, each))) {
  if (wanted.has(name)) continue
  if (!flags.check) rmSync(join(root, name))
  say(name, 'removed')
}
