import * as Args from '@oclif/core/args'
import * as Flags from '@oclif/core/flags'
import { eventToWire } from '../api/wire.ts'
import { printableJson } from '../util/printable.ts'
import { AgenticoreCommand } from './command.ts'
import { localFlag } from './local.ts'
import { renderEvent } from './output/events.ts'
import { widthOf } from './output/text.ts'

export default class Logs extends AgenticoreCommand {
  static override summary = 'Show what the agent of a job did, and what was done with its work.'

  static override examples = ['<%= config.bin %> logs 3f9c2a11b04e', '<%= config.bin %> logs 3f9c --follow']

  static override args = {
    id: Args.string({ required: true, description: 'id, or a unique beginning or end of it' }),
  }

  static override flags = {
    follow: Flags.boolean({ char: 'f', description: 'go on until the job has ended' }),
    json: Flags.boolean({ description: 'print the events as NDJSON' }),
    local: localFlag,
  }

  async run(): Promise<void> {
    const { args, flags } = await this.parse(Logs)
    const app = await this.openJobs(flags)
    const events = app.events(args.id, flags.follow ? { follow: new AbortController().signal } : {})
    for await (const event of events) {
      const line = flags.json
        ? printableJson(eventToWire(event))
        : renderEvent(event, this.paint, widthOf(process.stdout))
      if (line !== undefined) this.print(line)
    }
  }
}
