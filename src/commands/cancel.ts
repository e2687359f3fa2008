import * as Args from '@oclif/core/args'
import * as Flags from '@oclif/core/flags'
import { toWire } from '../api/wire.ts'
import { shortId } from '../util/ids.ts'
import { AgenticoreCommand } from './command.ts'
import { localFlag } from './local.ts'

export default class Cancel extends AgenticoreCommand {
  static override summary = 'Cancel jobs, queued or running.'

  static override description =
    `A queued job ends at once. The process that runs a job stops its agent within a second or so;
what the agent had changed is kept as a patch.`

  static override examples = ['<%= config.bin %> cancel 3f9c2a11b04e', '<%= config.bin %> cancel 3f9c 81d2']

  static override strict = false

  static override args = {
    id: Args.string({ required: true, description: 'id, or a unique beginning or end of it; several may be given' }),
  }

  static override flags = {
    json: Flags.boolean({ description: 'print an array of job records as JSON' }),
    local: localFlag,
  }

  async run(): Promise<void> {
    const { argv, flags } = await this.parse(Cancel)
    const app = await this.openJobs(flags)
    const jobs = []
    // One that cannot be cancelled is no reason to leave the others running.
    const failures: unknown[] = []
    for (const part of argv.map(String)) {
      try {
        jobs.push(await app.cancel(part))
      } catch (error) {
        failures.push(error)
      }
    }
    if (flags.json) this.printJson(jobs.map(toWire))
    else for (const job of jobs) this.print(`${shortId(job.id)}  ${job.status === 'running' ? 'stopping' : job.status}`)
    for (const failure of failures.slice(0, -1)) this.tell(failure)
    if (failures.length > 0) throw failures.at(-1)
  }
}
