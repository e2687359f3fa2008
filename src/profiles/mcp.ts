import { isFields } from './merge.ts'
import { invalidProfile } from './read.ts'

type Server = Readonly<Record<string, unknown>>

/** By name, each with the file that has it. */
export type Servers = Readonly<Record<string, { readonly server: Server; readonly path: string }>>

/**
 * The servers of an `.mcp.json`, checked: Claude Code drops one it cannot read and says nothing.
 * @throws AgenticoreError `invalid_profile`
 */
export function serversIn(file: Readonly<Record<string, unknown>>, path: string): [name: string, Server | null][] {
  const servers = file.mcpServers ?? {}
  if (!isFields(servers)) throw invalidProfile(path, 'mcpServers is no list of names with a server each')
  return Object.entries(servers).map(([name, server]) => {
    if (server === null) return [name, null]
    if (isFields(server) && hasWay(server)) return [name, server]
    throw invalidProfile(path, `the server "${name}" has neither a "command" nor a "url"`)
  })
}

const hasWay = (server: Server): boolean =>
  [server.command, server.url].some(value => typeof value === 'string' && value !== '')

/**
 * With `${VAR}` and `${VAR:-default}` filled in from the profile's `env`, and from nothing else: a profile does not
 * read the environment of whoever runs it.
 * @throws AgenticoreError `invalid_profile` that names the variable
 */
export function expandServers(servers: Servers, env: Readonly<Record<string, string>>): Record<string, Server> {
  const expand = (value: unknown, path: string): unknown => {
    if (typeof value === 'string') return filledIn(value, env, path)
    if (Array.isArray(value)) return value.map(each => expand(each, path))
    return isFields(value) ? fields(value, path) : value
  }
  const fields = (value: Server, path: string): Server =>
    Object.fromEntries(Object.entries(value).map(([key, held]) => [key, expand(held, path)]))
  return Object.fromEntries(Object.entries(servers).map(([name, { server, path }]) => [name, fields(server, path)]))
}

const filledIn = (text: string, env: Readonly<Record<string, string>>, path: string): string =>
  text.replace(/\$\{([A-Za-z_]\w*)(?::-([^}]*))?\}/g, (_, name: string, otherwise: string | undefined) => {
    const value = Object.hasOwn(env, name) ? env[name] : otherwise
    if (value !== undefined) return value
    throw invalidProfile(path, `it needs \${${name}}, which the profile's env does not have`)
  })
