import * as Flags from '@oclif/core/flags'
import { examineJobs } from '../app.ts'
import { AgenticoreCommand } from './command.ts'
import { exitCodes } from './exit-codes.ts'

const marks = { ok: '✔', warning: '!', error: '✘' } as const
const styles = { ok: 'green', warning: 'yellow', error: 'red' } as const

export default class Doctor extends AgenticoreCommand {
  static override summary = 'Check what agenticore needs on this machine, and say what to do.'

  static override examples = ['<%= config.bin %> doctor', '<%= config.bin %> doctor --json']

  static override flags = {
    json: Flags.boolean({ description: 'print the findings as a JSON array' }),
  }

  async run(): Promise<void> {
    const { flags } = await this.parse(Doctor)
    // Where jobs cannot be kept nothing else is opened, and nothing else matters.
    const broken = await examineJobs()
    const findings = broken ? [broken] : await (await this.openLocal()).examine()
    if (flags.json) this.printJson(findings)
    else {
      const width = Math.max(...findings.map(({ check }) => check.length))
      for (const { check, status, message, remedy } of findings) {
        this.print(`${this.paint(styles[status], marks[status])} ${check.padEnd(width)}  ${message}`)
        if (remedy !== undefined) this.print(`  ${' '.repeat(width)}  ${this.paint('dim', remedy)}`)
      }
    }
    if (findings.some(({ status }) => status === 'error')) process.exitCode = exitCodes.refused
  }
}
