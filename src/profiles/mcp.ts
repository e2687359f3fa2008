import { isFields } from './merge.ts'
import { invalidProfile } from './read.ts'

/** By name; null takes away what a parent brought. */
export type Servers = Readonly<Record<string, Readonly<Record<string, unknown>> | null>>

/**
 * The servers of an `.mcp.json`, checked: Claude Code drops one it cannot read and says nothing.
 * @throws AgenticoreError `invalid_profile`
 */
export function serversIn(file: Readonly<Record<string, unknown>>, path: string): Servers {
  const servers = file.mcpServers ?? {}
  if (!isFields(servers)) throw invalidProfile(path, 'mcpServers is no list of names with a server each')
  const checked = Object.entries(servers).map(([name, server]): [string, Servers[string]] => {
    if (server === null) return [name, null]
    if (isFields(server) && hasWay(server)) return [name, server]
    throw invalidProfile(path, `the server "${name}" has neither a "command" nor a "url"`)
  })
  return Object.fromEntries(checked)
}

const hasWay = (server: Readonly<Record<string, unknown>>): boolean =>
  [server.command, server.url].some(value => typeof value === 'string' && value !== '')

/**
 * With `${VAR}` and `${VAR:-default}` filled in from the profile's `env`, and from nothing else: a profile does not
 * read the environment of whoever runs it.
 * @throws AgenticoreError `invalid_profile` that names the variable
 */
export function expandServers(servers: Servers, env: Readonly<Record<string, string>>, path: string): Servers {
  const expand = (value: unknown): unknown => {
    if (typeof value === 'string') return filledIn(value, env, path)
    if (Array.isArray(value)) return value.map(expand)
    return isFields(value) ? fields(value) : value
  }
  const fields = (value: Readonly<Record<string, unknown>>): Record<string, unknown> =>
    Object.fromEntries(Object.entries(value).map(([key, held]) => [key, expand(held)]))
  return Object.fromEntries(
    Object.entries(servers).map(([name, server]) => [name, server === null ? null : fields(server)]),
  )
}

const filledIn = (text: string, env: Readonly<Record<string, string>>, path: string): string =>
  text.replace(/\$\{([A-Za-z_]\w*)(?::-([^}]*))?\}/g, (_, name: string, otherwise: string | undefined) => {
    const value = Object.hasOwn(env, name) ? env[name] : otherwise
    if (value !== undefined) return value
    throw invalidProfile(path, `it needs \${${name}}, which the profile's env does not have`)
  })
