import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { findPackageJSON } from 'node:module'
import { dirname, join } from 'node:path'
import { AgenticoreError } from '../../jobs/errors.ts'
import { isReply, type RedisLink, type Word } from './link.ts'

export type ScriptName =
  | 'beat'
  | 'calm'
  | 'cancel'
  | 'claim'
  | 'distrust'
  | 'drain'
  | 'epoch'
  | 'event'
  | 'events'
  | 'expire'
  | 'find'
  | 'folded'
  | 'forget'
  | 'forgettable'
  | 'gone'
  | 'lock'
  | 'missing'
  | 'overdue'
  | 'page'
  | 'pods'
  | 'read'
  | 'rebuild'
  | 'rebuilt'
  | 'record'
  | 'renew'
  | 'restore'
  | 'restored'
  | 'seize'
  | 'settle'
  | 'stats'
  | 'submit'
  | 'unlock'

/** The moments after which a kill leaves something half done: Redis may have carried it out, and nobody was told. */
export type ScriptPoint = `${ScriptName}: ${'sent' | 'answered'}`

interface Script {
  readonly source: string
  readonly sha: string
}

export interface ScriptsOptions {
  readonly link: RedisLink
  readonly prefix: string
  /** How long a script is tried again while Redis is away. */
  readonly patienceMs: number
  /** Brings what Redis knows back, when it has lost it; resolves when it may be asked again. */
  rebuild?(): Promise<void>
  /** Told before a script is sent and when it has answered; tests stop there. */
  reached?(point: ScriptPoint): void
  /** Where the scripts are; the package's own, if not given. */
  readonly directory?: string
}

const mostLosses = 5

/** Everything that is done in Redis, each step in one script; the scripts are in `scripts/`, one file each. */
export class Scripts {
  readonly #options: ScriptsOptions
  readonly #directory: string

  constructor(options: ScriptsOptions) {
    this.#options = options
    this.#directory = options.directory ?? packageScripts
  }

  /** The same scripts with another patience. */
  with(given: Partial<ScriptsOptions>): Scripts {
    return new Scripts({ ...this.#options, ...given })
  }

  /** @throws AgenticoreError `store_unavailable` */
  async run(name: ScriptName, ...args: readonly (Word | number)[]): Promise<unknown> {
    const { reached } = this.#options
    reached?.(`${name}: sent`)
    const reply = await this.#answered(name, args)
    reached?.(`${name}: answered`)
    return reply
  }

  async #answered(name: ScriptName, args: readonly (Word | number)[]): Promise<unknown> {
    for (let losses = 0; ; losses++) {
      try {
        return await this.#run(name, args)
      } catch (error) {
        if (!isReply(error)) throw error
        if (error.message.startsWith('RESTORING')) throw restoring(error)
        if (!error.message.startsWith('NEEDS_REBUILD')) throw error
        // It may lose what it knows again while it is told.
        await this.#rebuilt(error, losses)
      }
    }
  }

  async #rebuilt(cause: Error, losses: number): Promise<void> {
    const { rebuild } = this.#options
    if (rebuild && losses < mostLosses) return await rebuild()
    const message = 'Redis does not know the jobs yet; they are being read from the journal.'
    throw new AgenticoreError('store_unavailable', message, { cause })
  }

  async #run(name: ScriptName, args: readonly (Word | number)[]): Promise<unknown> {
    const { link, prefix, patienceMs } = this.#options
    const { sha, source } = load(this.#directory, name)
    const rest: Word[] = ['1', `${prefix}:epoch`, prefix]
    for (const arg of args) rest.push(typeof arg === 'number' ? String(arg) : arg)
    try {
      return await link.call(['EVALSHA', sha, ...rest], patienceMs)
    } catch (error) {
      if (!isReply(error) || !error.message.startsWith('NOSCRIPT')) throw error
      return await link.call(['EVAL', source, ...rest], patienceMs)
    }
  }
}

/** For what has to be said before a link can be used: the source of a script, and how it is called. */
export function evalOf(prefix: string, name: ScriptName, ...args: readonly (string | number)[]): [string, ...string[]] {
  return ['EVAL', load(packageScripts, name).source, '1', `${prefix}:epoch`, prefix, ...args.map(String)]
}

/** How Redis calls a script that it has loaded. */
export const shaOf = (name: ScriptName): string => load(packageScripts, name).sha

const packageScripts = join(dirname(findPackageJSON(import.meta.url) ?? ''), 'src/store/redis/scripts')
const loaded = new Map<string, Script>()

function load(directory: string, name: ScriptName): Script {
  const known = loaded.get(`${directory}/${name}`)
  if (known) return known
  const path = join(directory, `${name}.lua`)
  const source = `${readFileSync(join(directory, 'common.lua'), 'utf8')}\n${readFileSync(path, 'utf8')}`
  const script = { source, sha: createHash('sha1').update(source).digest('hex') }
  loaded.set(`${directory}/${name}`, script)
  return script
}

const restoring = (cause: Error): AgenticoreError =>
  new AgenticoreError('store_unavailable', 'Whether the idempotency key was used is not known yet.', { cause })
