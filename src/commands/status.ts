import * as Flags from '@oclif/core/flags'
import { printable } from '../util/printable.ts'
import { AgenticoreCommand } from './command.ts'
import { localFlag } from './local.ts'

export default class Status extends AgenticoreCommand {
  static override summary = 'Show how the server is: what waits and runs, where jobs are kept, who agents run as.'

  static override examples = ['<%= config.bin %> status', "<%= config.bin %> status --json | jq '.queued'"]

  static override flags = {
    json: Flags.boolean({ description: 'print JSON' }),
    local: localFlag,
  }

  async run(): Promise<void> {
    const { flags } = await this.parse(Status)
    const status = await (flags.local ? await this.openLocal() : await this.connection()).status()
    if (flags.json) return this.printJson(status)
    const rows = Object.entries(status).flatMap(([name, value]) => row(name, value))
    const width = Math.max(...rows.map(([name]) => name.length))
    this.print(rows.map(([name, value]) => `${this.paint('dim', name.padEnd(width))}  ${printable(value)}`).join('\n'))
  }
}

/** What is missing for users of their own is a list, and most often empty. */
function row(name: string, value: unknown): [string, string][] {
  if (Array.isArray(value)) return value.length === 0 ? [] : [[name, value.join(', ')]]
  return [[name.replaceAll('_', ' '), String(value)]]
}
