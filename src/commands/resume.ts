import * as Args from '@oclif/core/args'
import * as Flags from '@oclif/core/flags'
import { AgenticoreError } from '../api/wire.ts'
import { AgenticoreCommand } from './command.ts'
import { runInForeground } from './foreground-job.ts'

export default class Resume extends AgenticoreCommand {
  static override summary = 'Run in this process a job that an interrupted `run --local` left queued.'

  static override description =
    `The agent goes on with its conversation in the tree it worked in, where both are still there.
Without an id: the job that has waited longest.`

  static override examples = ['<%= config.bin %> resume --wait', '<%= config.bin %> resume 3f9c2a11b04e --wait']

  static override args = {
    id: Args.string({ description: 'id, or a unique beginning or end of it' }),
  }

  static override flags = {
    wait: Flags.boolean({ char: 'w', description: 'show what the agent does as it does it' }),
    json: Flags.boolean({ description: 'print the job record as JSON' }),
  }

  async run(): Promise<void> {
    const { args, flags } = await this.parse(Resume)
    const app = await this.openLocal()
    const how = { live: flags.wait, json: flags.json }
    if (args.id !== undefined) return await runInForeground(app, await app.job(args.id), how)
    const queued = await app.queued()
    for (const job of queued) {
      try {
        return await runInForeground(app, job, how)
      } catch (error) {
        // Somebody else who looked for a job was faster; the next one may be free.
        if (!(error instanceof AgenticoreError && error.code === 'job_not_queued')) throw error
      }
    }
    this.say(queued.length === 0 ? 'No job is queued.' : 'Every job that was queued is being run by somebody else.')
  }
}
