/** The three ways to install, as a person would go them. */
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ChartCase } from '../../test/helpers/chart-cases.ts'
import type { Place } from './place.ts'
import { ran, root } from './run.ts'
import { image, type Values } from './values.ts'

export const chart = join(root, 'manifests/charts/agenticore')
const raw = join(root, 'manifests/k8s')
const command = join(root, 'bin/agenticore')

async function withFile<T>(text: string, use: (file: string) => Promise<T>): Promise<T> {
  const directory = mkdtempSync(join(tmpdir(), 'agenticore-values-'))
  const file = join(directory, 'values.yaml')
  writeFileSync(file, text)
  try {
    return await use(file)
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

/** YAML is a superset of JSON. */
const withValues = <T>(values: Values, use: (file: string) => Promise<T>): Promise<T> =>
  withFile(JSON.stringify(values), use)

/** `helm install` or `helm upgrade`, until everything is ready. @param args besides */
export const helm = (place: Place, what: 'install' | 'upgrade', values: Values, ...args: readonly string[]) =>
  helmFrom(chart, place, what, values, ...args)

/** @param from the directory of a chart */
export const helmFrom = (
  from: string,
  place: Place,
  what: 'install' | 'upgrade',
  values: Values,
  ...args: readonly string[]
): Promise<string> =>
  withValues(values, file => place.helm(what, 'agenticore', from, '--values', file, '--wait', '--timeout=5m', ...args))

/** The chart's objects. */
export const templated = (place: Place, given: ChartCase): Promise<string> =>
  withFlags(given, (name, flags) => place.helm('template', name, chart, ...flags))

/** The same of `install-k8s`. */
export const printed = (place: Place, given: ChartCase): Promise<string> =>
  withFlags(given, (name, flags) => installK8s(place, '--name', name, ...flags))

const withFlags = <T>(
  { name = 'agenticore', sets = [], file = '' }: ChartCase,
  use: (name: string, flags: readonly string[]) => Promise<T>,
): Promise<T> => withFile(file, path => use(name, ['-f', path, ...sets.flatMap(each => ['--set', each])]))

export const byInstallK8s = (place: Place, values: Values, ...args: readonly string[]): Promise<string> =>
  withValues(values, file => installK8s(place, '-f', file, ...args))

const installK8s = (place: Place, ...args: readonly string[]): Promise<string> =>
  ran(command, ['install-k8s', '--namespace', place.namespace, ...args])

/** A copy of the raw manifests, made fit by the seed's `sed`. */
export async function rawManifests(): Promise<AsyncDisposable & { readonly directory: string }> {
  const above = mkdtempSync(join(tmpdir(), 'agenticore-raw-'))
  const directory = join(above, 'k8s')
  cpSync(raw, directory, { recursive: true })
  const wanted = `s|agenticore:latest|${image.repository}:${image.tag}|g`
  await ran('sed', ['-i', wanted, join(directory, 'statefulset.yaml')])
  return { directory, [Symbol.asyncDispose]: async () => rmSync(above, { recursive: true, force: true }) }
}
