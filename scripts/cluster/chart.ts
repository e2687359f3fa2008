/** The three ways to install, as a person would go them. */
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Place } from './place.ts'
import { ran, root } from './run.ts'
import { image, type Values } from './values.ts'

export const chart = join(root, 'manifests/charts/agenticore')
const raw = join(root, 'manifests/k8s')
const command = join(root, 'bin/agenticore')

/** YAML is a superset of JSON. */
async function withFile<T>(values: Values, use: (file: string) => Promise<T>): Promise<T> {
  const directory = mkdtempSync(join(tmpdir(), 'agenticore-values-'))
  const file = join(directory, 'values.yaml')
  writeFileSync(file, JSON.stringify(values))
  try {
    return await use(file)
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

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
  withFile(values, file => place.helm(what, 'agenticore', from, '--values', file, '--wait', '--timeout=5m', ...args))

export const templated = (place: Place, values: Values, release = 'agenticore'): Promise<string> =>
  withFile(values, file => place.helm('template', release, chart, '--values', file))

export const byInstallK8s = (place: Place, values: Values, ...args: readonly string[]): Promise<string> =>
  withFile(values, file => ran(command, ['install-k8s', '--namespace', place.namespace, '-f', file, ...args]))

/** A copy of the raw manifests, made fit by the seed's `sed`. */
export async function rawManifests(): Promise<AsyncDisposable & { readonly directory: string }> {
  const above = mkdtempSync(join(tmpdir(), 'agenticore-raw-'))
  const directory = join(above, 'k8s')
  cpSync(raw, directory, { recursive: true })
  const wanted = `s|agenticore:latest|${image.repository}:${image.tag}|g`
  await ran('sed', ['-i', wanted, join(directory, 'statefulset.yaml')])
  return { directory, [Symbol.asyncDispose]: async () => rmSync(above, { recursive: true, force: true }) }
}
