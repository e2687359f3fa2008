import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Test } from 'tap'
import { ProfileLibrary } from '../../src/profiles/library.ts'

type Files = Readonly<Record<string, string>>

/** A library of one layer for each object: profile name to its files; the last layer counts most. */
export function library(t: Test, ...layers: Readonly<Record<string, Files>>[]) {
  const root = t.testdir()
  const places = layers.map((profiles, index) => {
    const directory = join(root, `layer${index}`)
    mkdirSync(directory)
    for (const [name, files] of Object.entries(profiles)) lay(join(directory, name), files)
    return { source: `layer ${index}`, directory }
  })
  return { root, profiles: new ProfileLibrary(places) }
}

export function lay(directory: string, files: Files): void {
  mkdirSync(directory, { recursive: true })
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, path)), { recursive: true })
    writeFileSync(join(directory, path), content)
  }
}

export const yml = (text: string): Files => ({ 'profile.yml': text })
