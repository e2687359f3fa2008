import { AgenticoreCommand } from './command.ts'

export default class Version extends AgenticoreCommand {
  static override summary = 'Show the version.'

  async run(): Promise<void> {
    this.print(`agenticore ${this.config.version}`)
  }
}
