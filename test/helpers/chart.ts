import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { execa } from 'execa'
import { parseAllDocuments } from 'yaml'
import type { KubernetesObject } from '../../src/kubernetes/release.ts'
import type { ChartCase } from './chart-cases.ts'

const root = join(import.meta.dirname, '../..')
export const chart = join(root, 'manifests/charts/agenticore')

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
