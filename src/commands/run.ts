import * as Args from '@oclif/core/args'
import * as Flags from '@oclif/core/flags'
import { AgenticoreError, type JobRequest } from '../api/wire.ts'
import { AgenticoreCommand } from './command.ts'
import { runInForeground } from './foreground-job.ts'
import { readTask } from './task.ts'

export default class Run extends AgenticoreCommand {
  static override summary = 'Hand a task to an agent, get back a branch and a pull request.'

  static override description =
    `The agent works in a clone of its own; your working directory is never touched. What it changes is committed, pushed
to a branch of its own, and, on GitHub, offered as a pull request.`

  static override examples = [
    '<%= config.bin %> run "fix the login bug" --repo https://github.com/you/app --local --wait',
    '<%= config.bin %> run "add a test for slugify" --repo . --local --wait',
    '<%= config.bin %> run - --repo . --local --json < task.md',
  ]

  static override args = {
    task: Args.string({ required: true, description: 'what is to be done; - reads it from standard input' }),
  }

  static override flags = {
    repo: Flags.string({
      char: 'r',
      default: '',
      helpValue: 'URL|PATH',
      description: 'repository to work on; a path means the origin of the repository there',
    }),
    'base-ref': Flags.string({
      default: '',
      helpValue: 'REF',
      description: 'branch, tag or commit to start from (default: the default branch)',
    }),
    wait: Flags.boolean({ char: 'w', description: 'show what the agent does as it does it' }),
    model: Flags.string({ helpValue: 'NAME', description: 'model to use' }),
    'max-turns': Flags.integer({ min: 1, helpValue: 'N', description: 'most turns the agent may take' }),
    'max-budget-usd': Flags.string({ helpValue: 'X', description: 'most dollars the agent may spend' }),
    timeout: Flags.integer({ min: 1, helpValue: 'S', description: 'most seconds the agent may take' }),
    local: Flags.boolean({ description: 'run the job in this process' }),
    json: Flags.boolean({ description: 'print the job record as JSON' }),
  }

  async run(): Promise<void> {
    const { args, flags } = await this.parse(Run)
    if (!flags.local) {
      throw new AgenticoreError(
        'server_unreachable',
        'This version runs jobs in its own process only, and --local was not given.',
      )
    }
    const app = await this.openJobs({ local: true })
    const repoUrl = await app.resolveRepository(flags.repo, process.cwd())
    const request: JobRequest = {
      task: await readTask(args.task, process.stdin),
      repoUrl,
      baseRef: flags['base-ref'],
      profile: '',
      mode: 'sync',
      ttlSeconds: app.defaults.jobTtlSeconds,
      ...(flags.model === undefined ? {} : { model: flags.model }),
      ...(flags['max-turns'] === undefined ? {} : { maxTurns: flags['max-turns'] }),
      ...(flags['max-budget-usd'] === undefined ? {} : { maxBudgetUsd: Number(flags['max-budget-usd']) }),
      ...(flags.timeout === undefined ? {} : { timeoutSeconds: flags.timeout }),
    }
    const job = await app.submit(request)
    await runInForeground(app, job, { live: flags.wait, json: flags.json })
  }
}
