import * as Flags from '@oclif/core/flags'
import { AgenticoreCommand } from './command.ts'
import { duration, table, tableWidth } from './output/text.ts'

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
    const rows = pods.map(pod => [
      String(pod.name),
      `${pod.running}/${pod.capacity}`,
      pod.draining === true ? 'draining' : 'claiming',
      duration(Math.max(0, Date.now() - Date.parse(String(pod.last_heartbeat)))),
      String(pod.version),
    ])
    this.print(table(['NAME', 'RUNNING', 'STATE', 'LAST SEEN', 'VERSION'], rows, tableWidth(process.stdout)))
  }
}
