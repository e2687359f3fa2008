import * as Args from '@oclif/core/args'
import * as Flags from '@oclif/core/flags'
import { toWire } from '../api/wire.ts'
import { AgenticoreCommand } from './command.ts'
import { runInForeground } from './foreground-job.ts'
import { watchJob } from './watch-job.ts'

export default class Retry extends AgenticoreCommand {
  static override summary = 'Run the request of a job again, as a new job.'

  static override description =
    `The new job starts from the beginning, with the same task, repository and limits: at the server that has the job, or,
where none answers, in this process.`

  static override examples = ['<%= config.bin %> retry 3f9c2a11b04e --wait', '<%= config.bin %> retry 3f9c --local']

  static override args = {
    id: Args.string({ required: true, description: 'id, or a unique beginning or end of it' }),
  }

  static override flags = {
    wait: Flags.boolean({ char: 'w', description: 'show what the agent does as it does it' }),
    local: Flags.boolean({ description: 'run the job in this process' }),
    json: Flags.boolean({ description: 'print the job record as JSON' }),
  }

  async run(): Promise<void> {
    const { args, flags } = await this.parse(Retry)
    const server = await this.server(flags, 'a job of this machine runs in this process')
    if (!server) {
      const app = await this.openLocal()
      return await runInForeground(app, await app.retry(args.id), { live: flags.wait, json: flags.json })
    }
    const job = await server.retry(args.id)
    if (flags.wait) return await watchJob(server, job, flags)
    if (flags.json) this.printJson(toWire(job))
    else this.print(`Job submitted: ${job.id}`)
  }
}
