import { isUtf8 } from 'node:buffer'
import { existsSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { messageOf } from '../util/error-code.ts'
import type { Given, Source } from './given.ts'
import { SettingError } from './setting-error.ts'

/** How it is called in messages. */
const shownPath = '~/.agenticore/config.yml'
const largest = 1024 * 1024

export interface ConfigFile extends Source {
  readonly warnings: readonly string[]
}

/** The user's `~/.agenticore/config.yml`; empty where there is none. @throws SettingError */
export async function readConfigFile(home: string): Promise<ConfigFile> {
  const path = join(home, '.agenticore/config.yml')
  const found = readIfThere(path)
  if (!found) return fileOf(new Map(), warnOfMisnamed(path))
  // Not loaded by those who have no such file.
  const { parseConfig } = await import('./yaml.ts')
  const { given, secrets, warnings } = parseConfig(found.text, shownPath)
  return fileOf(given, [...warnings, ...warnOfReaders(secrets, found.mode)])
}

/** At once: at the start of a command there is nothing else to do, and asking the thread pool takes longer. */
function readIfThere(path: string): { text: string; mode: number } | undefined {
  try {
    const stats = statSync(path, { throwIfNoEntry: false })
    if (!stats) return undefined
    if (!stats.isFile()) throw new SettingError(`${shownPath} is no file.`)
    if (stats.size > largest) throw new SettingError(`${shownPath} has more than 1 MiB.`)
    const content = readFileSync(path)
    if (!isUtf8(content)) throw new SettingError(`${shownPath} is no UTF-8 text.`)
    return { text: content.toString(), mode: stats.mode }
  } catch (error) {
    if (error instanceof SettingError) throw error
    throw new SettingError(`${shownPath} cannot be read: ${messageOf(error)}.`)
  }
}

const fileOf = (given: ReadonlyMap<string, Given>, warnings: readonly string[]): ConfigFile => ({
  kind: 'file',
  find: name => given.get(name),
  warnings,
})

function warnOfReaders(secrets: readonly string[], mode: number): string[] {
  const isOpen = (mode & 0o044) !== 0
  if (!isOpen || secrets.length === 0) return []
  const shown = (mode & 0o777).toString(8).padStart(4, '0')
  return [`${shownPath} holds ${secrets.join(', ')}, and others can read it (mode ${shown}); chmod 600 it.`]
}

function warnOfMisnamed(path: string): string[] {
  const isThere = existsSync(path.replace(/yml$/, 'yaml'))
  return isThere ? ['~/.agenticore/config.yaml is not read; its name has to be config.yml.'] : []
}
