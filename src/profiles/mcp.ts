// The small form of zod: this is read at the start of every job.
import * as z from 'zod/mini'
import { AgenticoreError } from '../jobs/errors.ts'
import { isFields } from './merge.ts'
import { invalidProfile } from './read.ts'

type Server = Readonly<Record<string, unknown>>

/** By name, each with the file that has it. */
export type Servers = Readonly<Record<string, { readonly server: Server; readonly path: string }>>

/**
 * The servers of an `.mcp.json`, checked: Claude Code drops one it cannot read and says nothing.
 * @throws AgenticoreError `invalid_profile`
 */
export function serversIn(file: Server, path: string): [name: string, Server | null][] {
  const [stray] = Object.keys(file).filter(key => key !== 'mcpServers')
  if (stray !== undefined) throw invalidProfile(path, `there is no key "${stray}"; servers belong under "mcpServers"`)
  const { mcpServers: servers = {} } = file
  if (!isFields(servers)) throw invalidProfile(path, 'mcpServers is no list of names with a server each')
  return Object.entries(servers).map(([name, server]) => {
    if (server === null) return [name, null]
    const wrong = isFields(server) ? wrongWith(server) : 'is no list of keys and values'
    if (isFields(server) && wrong === undefined) return [name, server]
    throw invalidProfile(path, `the server "${name}" ${wrong}`)
  })
}

/** The same of somebody else's file: what Claude Code could not read is left out, as Claude Code does it. */
export function readableServersIn(file: Server): [name: string, Server][] {
  const { mcpServers } = file
  const all = isFields(mcpServers) ? Object.entries(mcpServers) : []
  return all.flatMap(([name, server]) => (isFields(server) && wrongWith(server) === undefined ? [[name, server]] : []))
}

const texts = z.optional(z.record(z.string(), z.string()))
const local = z.looseObject({
  command: z.string().check(z.minLength(1)),
  args: z.optional(z.array(z.string())),
  env: texts,
})
const remote = z.looseObject({ url: z.string().check(z.minLength(1)), headers: texts })
const remoteTypes = ['http', 'streamable-http', 'sse', 'ws']

/** As Claude Code 2.1 takes them. */
function wrongWith(server: Server): string | undefined {
  const { type = server.command === undefined ? undefined : 'stdio' } = server
  if (server.command === undefined && server.url === undefined) return 'has neither a "command" nor a "url"'
  if (type !== 'stdio' && !remoteTypes.some(each => each === type)) {
    const is = type === undefined ? 'has a "url" and no "type"' : `has the type ${JSON.stringify(type)}`
    return `${is}; allowed is stdio with a "command", and ${remoteTypes.join(', ')} with a "url"`
  }
  const [issue] = (type === 'stdio' ? local : remote).safeParse(server).error?.issues ?? []
  return issue && `has a wrong ${issue.path.join('.')}: ${issue.message}`
}

/**
 * With `${VAR}` and `${VAR:-default}` filled in from the profile's `env`, and from nothing else: a profile does not
 * read the environment of whoever runs it.
 * @param lenient a file whose servers are left out where a variable is missing
 * @throws AgenticoreError `invalid_profile` that names the variable
 */
export function expandServers(
  servers: Servers,
  env: Readonly<Record<string, string>>,
  lenient?: string,
): Record<string, Server> {
  const expand = (value: unknown, path: string): unknown => {
    if (typeof value === 'string') return filledIn(value, env, path)
    if (Array.isArray(value)) return value.map(each => expand(each, path))
    return isFields(value) ? fields(value, path) : value
  }
  const fields = (value: Server, path: string): Server =>
    Object.fromEntries(Object.entries(value).map(([key, held]) => [key, expand(held, path)]))
  const expanded = Object.entries(servers).flatMap(([name, { server, path }]) => {
    try {
      return [[name, fields(server, path)] as const]
    } catch (error) {
      if (path === lenient && error instanceof AgenticoreError) return []
      throw error
    }
  })
  return Object.fromEntries(expanded)
}

const filledIn = (text: string, env: Readonly<Record<string, string>>, path: string): string =>
  text.replace(/\$\{([A-Za-z_]\w*)(?::-([^}]*))?\}/g, (_, name: string, otherwise: string | undefined) => {
    const value = Object.hasOwn(env, name) ? env[name] : otherwise
    if (value !== undefined) return value
    throw invalidProfile(path, `it needs \${${name}}, which the profile's env does not have`)
  })
