import * as Args from '@oclif/core/args'
import * as Flags from '@oclif/core/flags'
import { toWire } from '../api/wire.ts'
import { AgenticoreCommand } from './command.ts'
import { localFlag } from './local.ts'
import { renderJob } from './output/job.ts'

export default class JobCommand extends AgenticoreCommand {
  static override summary = 'Show one job.'

  static override examples = ['<%= config.bin %> job 3f9c2a11b04e', '<%= config.bin %> job 3f9c --json']

  static override args = {
    id: Args.string({ required: true, description: 'id, or a unique beginning or end of it' }),
  }

  static override flags = {
    json: Flags.boolean({ description: 'print the job record as JSON' }),
    local: localFlag,
  }

  async run(): Promise<void> {
    const { args, flags } = await this.parse(JobCommand)
    const job = await (await this.openJobs(flags)).job(args.id)
    if (flags.json) this.printJson(toWire(job))
    else this.print(renderJob(job, this.paint))
  }
}
