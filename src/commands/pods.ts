import * as Flags from '@oclif/core/flags'
import { AgenticoreCommand } from './command.ts'
import { renderPods } from './output/pods.ts'
import { tableWidth } from './output/text.ts'

export default class Pods extends AgenticoreCommand {
  static override summary = 'List the servers that run jobs from the queue.'

  static override examples = ['<%= config.bin %> pods', "<%= config.bin %> pods --json | jq '.[].name'"]

  static override flags = {
    json: Flags.boolean({ description: 'print an array of pods as JSON' }),
  }

  async run(): Promise<void> {
    const { flags } = await this.parse(Pods)
    const pods = await (await this.connection()).pods()
    if (flags.json) return this.printJson(pods)
    this.print(renderPods(pods, { now: new Date(), width: tableWidth(process.stdout) }))
  }
}
