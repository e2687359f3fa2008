import * as Flags from '@oclif/core/flags'
import { AgenticoreCommand } from './command.ts'
import { localFlag } from './local.ts'

export default class Status extends AgenticoreCommand {
  static override summary = 'Show how many jobs wait and run, where they are kept, and who agents run as.'

  static override examples = ['<%= config.bin %> status', "<%= config.bin %> status --json | jq '.queued'"]

  static override flags = {
    json: Flags.boolean({ description: 'print JSON' }),
    local: localFlag,
  }

  async run(): Promise<void> {
    const { flags } = await this.parse(Status)
    const status = await (await this.openJobs(flags)).status()
    if (flags.json) return this.printJson(status)
    const { queued, running, store, locks, isolation, missing } = status
    const lacking = missing.length === 0 ? '' : ` (for users of their own there is missing: ${missing.join(', ')})`
    this.print(
      [
        `queued     ${queued}`,
        `running    ${running}`,
        `store      ${store}`,
        `locks      ${locks}`,
        `isolation  ${isolation}${lacking}`,
      ].join('\n'),
    )
  }
}
