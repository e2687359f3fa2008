import { Command } from '@oclif/core/command'
import { AgenticoreError, asKnown } from '../api/wire.ts'
import { type LocalAgenticore, openLocal } from '../app.ts'
import { SettingError } from '../config/load.ts'
import { messageOf } from '../util/error-code.ts'
import { printable, printableJson } from '../util/printable.ts'
import { exitCodeOf } from './exit-codes.ts'
import { type Paint, paintFor } from './output/colour.ts'

/** What every command shares: data on standard output, everything else on standard error, one form of error. */
export abstract class AgenticoreCommand extends Command {
  protected readonly paint: Paint = paintFor(process.stdout)
  #open: LocalAgenticore | undefined

  protected print(text: string): void {
    process.stdout.write(`${text}\n`)
  }

  protected printJson(value: unknown): void {
    this.print(printableJson(JSON.stringify(value, null, 2)))
  }

  protected say(text: string): void {
    process.stderr.write(`${text}\n`)
  }

  /** The jobs of this machine. That no server was asked is said, unless it was asked for with --local. */
  protected async openJobs({ local }: { local: boolean }): Promise<LocalAgenticore> {
    if (!local) this.say(paintFor(process.stderr)('dim', 'Jobs of this machine (--local silences this line).'))
    this.#open = await openLocal()
    return this.#open
  }

  protected override async finally(error: Error | undefined): Promise<void> {
    await this.#open?.close()
    await super.finally(error)
  }

  /** Without a server the work is done here, and the user has to say so. @throws AgenticoreError `server_unreachable` */
  protected requireLocal({ local }: { local: boolean }): void {
    if (local) return
    throw new AgenticoreError(
      'server_unreachable',
      'This version runs jobs in its own process only, and --local was not given.',
    )
  }

  /** Our own errors by their catalogue; those of the parser are oclif's to show, with its exit code 2. */
  protected override async catch(error: Error & { exitCode?: number; oclif?: unknown }): Promise<void> {
    if (error.oclif !== undefined) throw error
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
