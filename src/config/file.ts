import { isUtf8 } from 'node:buffer'
import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { hasCode, messageOf } from '../util/error-code.ts'
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
  try {
    const stats = await stat(path)
    if (!stats.isFile()) throw new SettingError(`${shownPath} is no file.`)
    if (stats.size > largest) throw new SettingError(`${shownPath} has more than 1 MiB.`)
    const content = await readFile(path)
    if (!isUtf8(content)) throw new SettingError(`${shownPath} is no UTF-8 text.`)
    // Not loaded by those who have no such file.
    const { parseConfig } = await import('./yaml.ts')
    const { given, secrets, warnings } = parseConfig(content.toString(), shownPath)
    return fileOf(given, [...warnings, ...warnOfReaders(secrets, stats.mode)])
  } catch (error) {
    if (error instanceof SettingError) throw error
    if (hasCode(error, 'ENOENT', 'ENOTDIR')) return fileOf(new Map(), await warnOfMisnamed(path))
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

async function warnOfMisnamed(path: string): Promise<string[]> {
  try {
    await stat(path.replace(/yml$/, 'yaml'))
    return [`~/.agenticore/config.yaml is not read; its name has to be config.yml.`]
  } catch (error) {
    return hasCode(error, 'ENOENT', 'ENOTDIR') ? [] : [messageOf(error)]
  }
}
