import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { copyTree } from '../../util/copy.ts'
import { hasCode, messageOf } from '../../util/error-code.ts'
import { entriesOf } from '../config-files.ts'
import { expandServers, readableServersIn } from '../mcp.ts'
import { isFields } from '../merge.ts'

type Fields = Readonly<Record<string, unknown>>

/** What of a `~/.claude` is for every job; the rest is one person's, or Claude Code's own. */
const taken = ['CLAUDE.md', 'agents', 'commands', 'output-styles', 'rules', 'skills']
/** What an agent may do is said by its profile; the rest of these is for a person at a terminal. */
const notTaken = ['skipDangerousModePermissionPrompt', 'statusLine', 'autoUpdatesChannel', '_managedBy']

/**
 * Copies what agentihooks installed in a home, in the shape of a profile: links into its package are followed, since that
 * may be another one by the time a job reads them.
 * @returns its settings, and a line for each thing that was left out: an MCP server that needs a variable nobody sets, a
 *   link that leads nowhere
 */
export async function takeBaseLayer(home: string, target: string): Promise<{ settings: Fields; warnings: string[] }> {
  const claude = join(target, '.claude')
  await mkdir(claude, { recursive: true, mode: 0o755 })
  const skipped: string[] = []
  const copying = { links: 'followed', skipped: (path: string) => void skipped.push(path) } as const
  for (const name of await entriesOf(join(home, '.claude'))) {
    if (taken.includes(name)) await copyTree(join(home, '.claude', name), join(claude, name), copying)
  }
  const settings = forJobs(await readJson(join(home, '.claude/settings.json')))
  await write(join(claude, 'settings.json'), settings)
  const path = join(home, '.claude.json')
  const servers = readableServersIn(await readJson(path))
  const usable = servers.filter(([name, server]) => isExpandable(name, server, path))
  await write(join(target, '.mcp.json'), { mcpServers: Object.fromEntries(usable) })
  const unusable = servers.map(([name]) => name).filter(name => !usable.some(([kept]) => kept === name))
  const warnings = [
    ...unusable.map(name => `The MCP server ${name} of agentihooks needs a variable that is not set.`),
    ...skipped.map(link => `${link} is left out: it is a link that leads nowhere.`),
  ]
  return { settings, warnings }
}

function forJobs(settings: Fields): Fields {
  const { permissions, ...others } = Object.fromEntries(
    Object.entries(settings).filter(([name]) => !notTaken.includes(name)),
  )
  const { deny, ask } = isFields(permissions) ? permissions : {}
  const limits = { ...(deny === undefined ? {} : { deny }), ...(ask === undefined ? {} : { ask }) }
  return { ...others, ...(Object.keys(limits).length === 0 ? {} : { permissions: limits }) }
}

const isExpandable = (name: string, server: Fields, path: string): boolean =>
  Object.hasOwn(expandServers({ [name]: { server, path } }, {}, path), name)

async function readJson(path: string): Promise<Fields> {
  try {
    const value: unknown = JSON.parse(await readFile(path, 'utf8'))
    return isFields(value) ? value : {}
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return {}
    throw new Error(`${path} cannot be read: ${messageOf(error)}`)
  }
}

const write = async (path: string, value: Fields): Promise<void> =>
  await writeFile(path, `${JSON.stringify(value, null, 2)}\n`)
