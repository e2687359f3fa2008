import { basicPair, type FindCredential, type Lookup } from '../jobs/credentials.ts'
import { AgenticoreError } from '../jobs/errors.ts'
import type { Measures } from '../jobs/measures.ts'
import type { RepositoryAddress } from '../jobs/repository.ts'
import type { OtherUser } from '../process/as-user.ts'
import { type CommandResult, runCommand } from '../process/command.ts'
import type { Clock } from '../util/clock.ts'

/**
 * The runner's own git: no configuration of the machine, of the user or of a tree takes part, nothing ever prompts, and
 * only the protocol of the address at hand may be spoken.
 */
export interface GitSettings {
  readonly path: string
  /** For ssh's known hosts and keys. */
  readonly home: string
  readonly sshAuthSock: string
  readonly authorName: string
  readonly authorEmail: string
  /** Proxy and certificate variables, as the user set them. */
  readonly network: Readonly<Record<string, string>>
  /** Whether an origin may send us elsewhere. */
  readonly followRedirects: boolean
  /** What opens a repository by HTTP. */
  readonly findCredential: FindCredential
  /** Between two tries of a call that an origin in trouble has cut short. @param failures in a row, from 1 */
  pause(failures: number, signal: AbortSignal): Promise<void>
  readonly clock: Pick<Clock, 'monotonicMs'>
  readonly measures: Pick<Measures, 'gitRan'>
}

export interface GitCall {
  readonly args: readonly string[]
  readonly signal: AbortSignal
  readonly env?: Readonly<Record<string, string>>
  /** A git directory of ours to find by being in it: with one by name, git-lfs would also look there for the origin's. */
  readonly within?: string
  /** For calls that speak to an origin. */
  readonly remote?: RepositoryAddress
  readonly input?: string
  readonly outputFile?: string
  /** Who runs it, if not we. */
  readonly user?: OtherUser
  /** For output and input that hold paths: those are bytes, and need not be UTF-8. */
  readonly encoding?: 'latin1'
}

/** How git ended, and, where it spoke HTTP, with which credential. */
export interface GitResult extends CommandResult {
  readonly lookup?: Lookup
}

const mostTries = 3

export class Git {
  readonly #settings: GitSettings

  constructor(settings: GitSettings) {
    this.#settings = settings
  }

  /**
   * A call that speaks to an origin is made three times, where what stood in its way may pass.
   * @throws AgenticoreError `git_missing`; how git itself ended is in the result
   */
  async try(call: GitCall): Promise<GitResult> {
    for (let failures = 1; ; failures++) {
      const result = await this.#once(call)
      const mayPass = call.remote !== undefined && !result.ok && isPassing(result.stderr)
      if (!mayPass || failures === mostTries) return result
      await this.#settings.pause(failures, call.signal)
    }
  }

  async #once(call: GitCall): Promise<GitResult> {
    const lookup = await this.#lookUp(call)
    const { clock, measures } = this.#settings
    const started = clock.monotonicMs()
    const result = await runCommand({
      file: 'git',
      args: call.args,
      env: {
        ...this.#environment(),
        ...(call.remote ? this.#networkEnvironment(call.remote, lookup) : {}),
        // Without a repository of ours, git would look for one, and obey its configuration.
        ...(call.remote && call.within === undefined ? { GIT_DIR: '/nonexistent' } : {}),
        ...call.env,
      },
      signal: call.signal,
      ...(call.within === undefined ? {} : { cwd: call.within }),
      ...(call.input === undefined ? {} : { input: call.input }),
      ...(call.user === undefined ? {} : { user: call.user }),
      ...(call.encoding === undefined ? {} : { encoding: call.encoding }),
      ...(call.outputFile === undefined ? {} : { outputFile: call.outputFile }),
    })
    measures.gitRan(commandOf(call), clock.monotonicMs() - started, result.ok)
    if (result.missing) throw new AgenticoreError('git_missing', 'git was not found on the PATH.')
    return { ...result, ...(lookup ? { lookup } : {}) }
  }

  /**
   * What it takes to ask an origin by HTTP without git: undefined where only git can, because the way there leads through
   * a proxy, or past certificates of the user's.
   */
  async direct(
    remote: RepositoryAddress,
    signal: AbortSignal,
  ): Promise<{ authorization: string | undefined } | undefined> {
    if (Object.keys(this.#settings.network).length > 0) return undefined
    const lookup = await this.#lookUp({ args: [], remote, signal })
    return lookup && { authorization: authorizationOf(lookup) }
  }

  /** Standard output of a command that has to succeed. @throws AgenticoreError `git_failed`, `storage_failed` */
  async run(call: GitCall): Promise<string> {
    const result = await this.try(call)
    const name = commandOf(call)
    if (!result.ok) throw gitError(name, result.stderr)
    if (result.truncated) throw gitError(name, 'its output is longer than 64 MiB')
    return result.stdout
  }

  #environment(): Record<string, string> {
    const { path, authorName, authorEmail } = this.#settings
    return {
      PATH: path,
      LC_ALL: 'C.UTF-8',
      LANGUAGE: 'en',
      HOME: '/nonexistent',
      GIT_CONFIG_NOSYSTEM: '1',
      GIT_CONFIG_GLOBAL: '/dev/null',
      GIT_TERMINAL_PROMPT: '0',
      GIT_OPTIONAL_LOCKS: '0',
      GIT_AUTHOR_NAME: authorName,
      GIT_AUTHOR_EMAIL: authorEmail,
      GIT_COMMITTER_NAME: authorName,
      GIT_COMMITTER_EMAIL: authorEmail,
    }
  }

  async #lookUp({ remote, signal }: GitCall): Promise<Lookup | undefined> {
    const isHttp = remote?.scheme === 'https' || remote?.scheme === 'http'
    return isHttp ? await this.#settings.findCredential(remote, signal) : undefined
  }

  #networkEnvironment(remote: RepositoryAddress, lookup: Lookup | undefined): Record<string, string> {
    const { home, sshAuthSock, network, followRedirects } = this.#settings
    const header = lookup && authorizationOf(lookup)
    return {
      ...network,
      HOME: home,
      ...(sshAuthSock === '' ? {} : { SSH_AUTH_SOCK: sshAuthSock }),
      GIT_SSH_COMMAND: 'ssh -o BatchMode=yes -o ConnectTimeout=20 -o ServerAliveInterval=20 -o ServerAliveCountMax=3',
      // An origin that sends nothing for a minute is given up.
      GIT_HTTP_LOW_SPEED_LIMIT: '1',
      GIT_HTTP_LOW_SPEED_TIME: '60',
      GIT_ALLOW_PROTOCOL: remote.scheme,
      ...configOf([
        ...(header === undefined ? [] : [headerConfig(remote, header)]),
        // git would send the header on to wherever a redirect points, and go where it is not allowed to.
        ...(header === undefined && followRedirects ? [] : [['http.followRedirects', 'false'] as const]),
      ]),
    }
  }
}

/** git's subcommand: the first word that is no option and no option's value. */
const commandOf = ({ args }: GitCall): string =>
  args.find((arg, index) => /^[a-z][a-z-]+$/.test(arg) && !/^-[cC]$/.test(args[index - 1] ?? '')) ?? ''

const authorizationOf = (lookup: Lookup): string | undefined =>
  lookup.kind === 'found' ? `Basic ${basicPair(lookup.credential)}` : undefined

/** What git says of an origin that was there and is in trouble; not of one that is not there. */
const isPassing = (stderr: string): boolean =>
  /returned error: (429|5\d\d)|Connection reset|Empty reply|Recv failure|early EOF|unexpected disconnect|the remote end hung up|transfer closed|Operation too slow/i.test(
    stderr,
  )

/** What git says of a repository that has lost some of its objects. */
export const isDamage = (stderr: string): boolean =>
  /bad object|bad tree object|unable to (read|find|parse)|could not (read|parse)|missing (blob|tree|commit)|corrupt|inflate|packfile|pack-[0-9a-f]{40}|is empty|did not receive expected object|unresolved delta|revision walk|not a (valid|tree|commit) object|invalid object|failed to traverse|wrong index|no such ref was fetched|hash mismatch/i.test(
    stderr,
  )

export const isFull = (stderr: string): boolean => /No space left on device|Disk quota exceeded/i.test(stderr)

/** A failed local command. */
export function gitError(command: string, stderr: string): AgenticoreError {
  const code = isFull(stderr) ? 'storage_failed' : 'git_failed'
  return new AgenticoreError(code, `git ${command} failed: ${lastLines(stderr)}`)
}

type ConfigEntry = readonly [key: string, value: string]

/** Scoped to the origin, so that it goes nowhere else. */
const headerConfig = (remote: RepositoryAddress, header: string): ConfigEntry => [
  `http.${remote.scheme}://${remote.host}/.extraHeader`,
  `Authorization: ${header}`,
]

/** By environment, so that it is in no argv and no file. */
function configOf(entries: readonly ConfigEntry[]): Record<string, string> {
  const numbered = entries.flatMap(([key, value], index) => [
    [`GIT_CONFIG_KEY_${index}`, key],
    [`GIT_CONFIG_VALUE_${index}`, value],
  ])
  return { GIT_CONFIG_COUNT: String(entries.length), ...Object.fromEntries(numbered) }
}

/** What the remote said, and what git said last, without its progress, on one line. */
export function lastLines(stderr: string): string {
  const lines = stderr
    .split(/[\r\n]+/)
    .map(line => line.trim())
    .filter(Boolean)
  const remote = lines.filter(line => /^remote: *\S/.test(line)).slice(0, 20)
  const own = lines.filter(line => !line.startsWith('remote:')).slice(-4)
  return [...remote, ...own].join(' / ') || 'git said nothing'
}
