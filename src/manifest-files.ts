import { mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { AgenticoreError } from './jobs/errors.ts'
import { fileNames, type manifests } from './kubernetes/manifests.ts'
import { chartName } from './kubernetes/release.ts'
import { toYaml } from './kubernetes/to-yaml.ts'
import { hasCode, messageOf } from './util/error-code.ts'

/**
 * Writes a file a kind, and removes those of ours that these values do not ask for, which would be applied with the rest.
 * @param say what was done with which file
 * @throws AgenticoreError `storage_failed`; with a file of somebody else's in the way, `invalid_values`, and nothing is written
 */
export async function writeManifests(
  directory: string,
  files: ReturnType<typeof manifests>,
  say: (line: string) => void,
): Promise<void> {
  try {
    await makeDirectory(directory)
    const found = new Map<string, Owner>()
    for (const name of fileNames) found.set(name, await ownerOf(join(directory, name)))
    const others = [...files.keys()].filter(name => found.get(name) === 'another')
    if (others.length > 0)
      throw new AgenticoreError(
        'invalid_values',
        `${others.map(name => join(directory, name)).join(', ')}: not written by install-k8s. Nothing was written; name another directory.`,
      )
    for (const [name, objects] of files) {
      await writeFile(join(directory, name), toYaml(objects))
      say(join(directory, name))
    }
    for (const name of fileNames.filter(each => !files.has(each) && found.get(each) === 'agenticore')) {
      await rm(join(directory, name))
      say(`${join(directory, name)} removed: these values do not ask for it.`)
    }
  } catch (cause) {
    if (cause instanceof AgenticoreError) throw cause
    const why = hasCode(cause, 'EEXIST', 'ENOTDIR') ? 'there is something else in its place' : messageOf(cause)
    throw new AgenticoreError('storage_failed', `${directory} cannot be written: ${why}.`, { cause })
  }
}

/** With those above it. Node's own would try for ever where nothing can be made, as in /proc. */
async function makeDirectory(path: string): Promise<void> {
  try {
    await mkdir(path)
  } catch (error) {
    if (hasCode(error, 'EEXIST') && (await stat(path)).isDirectory()) return
    if (!hasCode(error, 'ENOENT') || dirname(path) === path) throw error
    await makeDirectory(dirname(path))
    await mkdir(path)
  }
}

type Owner = 'agenticore' | 'another' | undefined

/** By the label that all our objects have; undefined where there is no file. */
async function ownerOf(path: string): Promise<Owner> {
  try {
    const text = await readFile(path, 'utf8')
    return text.includes(`app.kubernetes.io/part-of: ${chartName}`) ? 'agenticore' : 'another'
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined
    throw error
  }
}
