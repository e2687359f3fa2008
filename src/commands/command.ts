import { Command } from '@oclif/core/command'
import { AgenticoreError } from '../api/wire.ts'
import { type LocalAgenticore, openLocal } from '../app.ts'
import { printable } from '../util/printable.ts'
import { exitCodeOf } from './exit-codes.ts'
import { type Paint, paintFor } from './output/colour.ts'

/** What every command shares: data on standard output, everything else on standard error, one form of error. */
export abstract class AgenticoreCommand extends Command {
  protected readonly paint: Paint = paintFor(process.stdout)

  protected print(text: string): void {
    process.stdout.write(`${text}\n`)
  }

  protected printJson(value: unknown): void {
    this.print(JSON.stringify(value, null, 2))
  }

  protected say(text: string): void {
    process.stderr.write(`${text}\n`)
  }

  /** The jobs of this machine. That no server was asked is said, unless it was asked for with --local. */
  protected async openJobs({ local }: { local: boolean }): Promise<LocalAgenticore> {
    if (!local) this.say(paintFor(process.stderr)('dim', 'Jobs of this machine (--local silences this line).'))
    return await openLocal()
  }

  /** Our own errors by their catalogue; those of the parser are oclif's to show, with its exit code 2. */
  protected override async catch(error: Error & { exitCode?: number; oclif?: unknown }): Promise<void> {
    if (error.oclif !== undefined) throw error
    const paint = paintFor(process.stderr)
    this.say(`${paint('red', 'Error:')} ${printable(error.message)}${this.#code(error, paint)}`)
    if (error instanceof AgenticoreError) this.say(printable(error.remedy))
    process.exitCode = exitCodeOf(error)
  }

  #code(error: Error, paint: Paint): string {
    return error instanceof AgenticoreError ? ` ${paint('dim', `[${error.code}]`)}` : ''
  }
}
