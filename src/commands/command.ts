import { Command } from '@oclif/core/command'
import { AgenticoreError, asKnown } from '../api/wire.ts'
import { type LocalAgenticore, openLocal } from '../app.ts'
import type { Agenticore } from '../client/agenticore.ts'
import type { RemoteAgenticore } from '../client/remote.ts'
import { SettingError } from '../config/load.ts'
import { messageOf } from '../util/error-code.ts'
import { printable, printableJson } from '../util/printable.ts'
import { exitCodeOf } from './exit-codes.ts'
import { type Paint, paintFor } from './output/colour.ts'

/** What every command shares: data on standard output, everything else on standard error, one form of error. */
export abstract class AgenticoreCommand extends Command {
  protected readonly paint: Paint = paintFor(process.stdout)
  readonly #open: { close(): Promise<void> }[] = []
  readonly #warned = new Set<string>()

  protected print(text: string): void {
    process.stdout.write(`${text}\n`)
  }

  protected printJson(value: unknown): void {
    this.print(printableJson(JSON.stringify(value, null, 2)))
  }

  protected say(text: string): void {
    process.stderr.write(`${text}\n`)
  }

  /** What several may find. */
  protected warnOnce(line: string): void {
    if (!this.#warned.has(line)) this.say(`Warning: ${line}`)
    this.#warned.add(line)
  }

  /** A server if one answers; else the jobs of this machine, which is said unless they were asked for with --local. */
  protected async openJobs(flags: { local: boolean }): Promise<Agenticore> {
    return (await this.server(flags, 'these are the jobs of this machine')) ?? (await this.openLocal())
  }

  /** Undefined when none answers, which is said with what is done `instead`; or with --local. */
  protected async server({ local }: { local: boolean }, instead: string): Promise<RemoteAgenticore | undefined> {
    if (local) return undefined
    const server = await this.connection()
    if (await server.answers()) return server
    const note = `No server answers at ${server.url}: ${instead} (--local silences this line).`
    this.say(paintFor(process.stderr)('dim', note))
    return undefined
  }

  /** The files of this machine. */
  protected async openLocal(): Promise<LocalAgenticore> {
    const local = await openLocal({ warn: line => this.warnOnce(line) })
    this.#open.push(local)
    return local
  }

  /** The server that the settings name; it need not be there. */
  protected async connection(): Promise<RemoteAgenticore> {
    const { openConnection } = await import('../connection.ts')
    const server = await openConnection({ warn: line => this.warnOnce(line) })
    this.#open.push(server)
    return server
  }

  protected override async finally(error: Error | undefined): Promise<void> {
    for (const each of this.#open) await each.close()
    await super.finally(error)
  }

  /** Our own errors by their catalogue; those of the parser are oclif's to show, with its exit code 2. */
  protected override async catch(error: Error & { exitCode?: number; oclif?: unknown }): Promise<void> {
    if (error.oclif !== undefined) {
      const { suggestFlags } = await import('./unknown.ts')
      suggestFlags(error, Object.keys(this.ctor.flags))
      throw error
    }
    this.tell(error)
    process.exitCode = exitCodeOf(error)
  }

  protected tell(thrown: unknown): void {
    const error = asKnown(thrown)
    const paint = paintFor(process.stderr)
    this.say(`${paint('red', 'Error:')} ${printable(messageOf(error))}${this.#code(error, paint)}`)
    if (error instanceof AgenticoreError) this.say(printable(error.remedy))
  }

  #code(error: unknown, paint: Paint): string {
    const code = error instanceof SettingError ? 'invalid_setting' : error instanceof AgenticoreError && error.code
    return code ? ` ${paint('dim', `[${code}]`)}` : ''
  }
}
