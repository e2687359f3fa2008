import type { FindCredential, Lookup } from '../jobs/credentials.ts'
import type { RepositoryAddress } from '../jobs/repository.ts'
import { type Command, type CommandResult, runCommand } from '../process/command.ts'
import { which } from '../process/which.ts'

/** Somebody's own programs, run as that person would run them, but never in a repository and never with a question. */
export interface UserPrograms {
  /** The user's environment, HOME and PATH in it. */
  readonly env: Readonly<Record<string, string>>
  /** How long one may take; 10 s. */
  readonly limitMs?: number
}

const defaultLimitMs = 10_000

/**
 * What `git credential fill` (gitcredentials(7)) has, by the user's configuration and helpers. Nothing is ever approved
 * or rejected: what is in the user's store stays as it is.
 */
export function gitCredential(programs: UserPrograms): FindCredential {
  return async (address, signal) => {
    const input = describeOrigin(address)
    if (input === undefined) return none('`git credential` cannot be asked for such a path')
    const ask = ['-c', 'credential.interactive=false', '-c', 'core.askPass=', 'credential', 'fill']
    // Without a repository of ours git would look for one in the working directory, and obey its configuration.
    const env = {
      ...programs.env,
      GIT_DIR: '/nonexistent',
      GIT_TERMINAL_PROMPT: '0',
      GIT_ASKPASS: '',
      SSH_ASKPASS: '',
      GCM_INTERACTIVE: 'never',
    }
    const result = await within(programs, { file: 'git', args: ask, env, input, signal })
    if (result === undefined) return none('`git credential` did not answer in time')
    const answer = fieldsOf(result.stdout)
    const { username = '', password = '' } = answer
    const isOurs = answer.protocol === address.scheme && answer.host === address.host
    if (!result.ok || !isOurs || password === '') return none(`\`git credential\` has none${reasonIn(result.stderr)}`)
    const source = `the credential that \`git credential\` gave for user ${JSON.stringify(username)}`
    return { kind: 'found', credential: { username, password, source } }
  }
}

/** The token `gh` is logged in with, for hosts it can be logged in to. */
export function ghToken(programs: UserPrograms, serves: (address: RepositoryAddress) => boolean): FindCredential {
  return async (address, signal) => {
    if (!serves(address)) return none('')
    const file = await which('gh', programs.env.PATH ?? '')
    if (file === undefined) return none('gh is not on the PATH')
    const args = ['auth', 'token', '--hostname', address.host]
    const env = { ...programs.env, GH_PROMPT_DISABLED: '1', GH_NO_UPDATE_NOTIFIER: '1' }
    const result = await within(programs, { file, args, env, signal })
    if (result === undefined) return none('`gh auth token` did not answer in time')
    const token = result.stdout.trim()
    if (!result.ok || !/^\S+$/.test(token)) return none('`gh auth token` has none')
    const source = 'the token that `gh auth token` gave'
    return { kind: 'found', credential: { username: 'x-access-token', password: token, source } }
  }
}

const none = (why: string): Lookup => ({ kind: 'none', why })

/** What git gives up for. Not that it may not ask; nor a helper's text, which may have a password in it. */
function reasonIn(stderr: string): string {
  const lines = stderr.split('\n').filter(line => /^fatal: (?!could not read |credential helper )/.test(line))
  return lines.length === 0 ? '' : ` (${lines.join(' / ').slice(0, 300)})`
}

/** undefined when it was cut off. @throws the reason of the command's own signal */
async function within(
  { limitMs = defaultLimitMs }: UserPrograms,
  command: Command,
): Promise<CommandResult | undefined> {
  const limit = AbortSignal.timeout(limitMs)
  try {
    return await runCommand({
      ...command,
      signal: AbortSignal.any([limit, ...(command.signal ? [command.signal] : [])]),
    })
  } catch (error) {
    command.signal?.throwIfAborted()
    if (limit.aborted) return undefined
    throw error
  }
}

/** As git itself would ask; undefined for a path that would add lines of its own to the question. */
function describeOrigin({ scheme, host, url }: RepositoryAddress): string | undefined {
  const path = decodedPath(url)
  if (path === undefined || /\p{Cc}/u.test(path)) return undefined
  return `protocol=${scheme}\nhost=${host}\npath=${path}\n\n`
}

function decodedPath(url: string): string | undefined {
  try {
    return decodeURIComponent(new URL(url).pathname).replace(/^\/+|\/+$/g, '')
  } catch {
    return undefined
  }
}

const fieldsOf = (output: string): Record<string, string> =>
  Object.fromEntries(output.split('\n').map(line => [line.split('=', 1)[0] ?? '', line.replace(/^[^=]*=/, '')]))
