import * as Flags from '@oclif/core/flags'
import { type Job, jobStatuses, toWire } from '../api/wire.ts'
import { shortId } from '../util/ids.ts'
import { AgenticoreCommand } from './command.ts'
import { localFlag } from './local.ts'
import { duration, table, tableWidth } from './output/text.ts'

export default class Jobs extends AgenticoreCommand {
  static override summary = 'List jobs, newest first.'

  static override examples = [
    '<%= config.bin %> jobs',
    '<%= config.bin %> jobs --status failed --limit 5',
    "<%= config.bin %> jobs --json | jq '.[].pod_name'",
  ]

  static override flags = {
    limit: Flags.integer({ char: 'n', default: 20, min: 1, helpValue: 'N', description: 'most jobs to list' }),
    status: Flags.option({ char: 's', options: jobStatuses, description: 'only jobs in this state' })(),
    json: Flags.boolean({ description: 'print an array of job records as JSON' }),
    local: localFlag,
  }

  async run(): Promise<void> {
    const { flags } = await this.parse(Jobs)
    const app = await this.openJobs(flags)
    const jobs = await app.jobs({ limit: flags.limit, ...(flags.status ? { status: flags.status } : {}) })
    if (flags.json) return this.printJson(jobs.map(toWire))
    if (jobs.length === 0) return this.say('No jobs.')
    this.print(table(['ID', 'STATUS', 'AGE', 'BRANCH', 'TASK'], jobs.map(row(new Date())), tableWidth(process.stdout)))
  }
}

const row = (now: Date) => (job: Job) => {
  const age = duration(Math.max(0, now.getTime() - Date.parse(job.createdAt)))
  return [shortId(job.id), job.status, age, job.headSha === undefined ? '-' : job.branch, job.task]
}
