import * as Args from '@oclif/core/args'
import * as Flags from '@oclif/core/flags'
import { type Job, type JobRequest, toWire } from '../api/wire.ts'
import { shortId } from '../util/ids.ts'
import { AgenticoreCommand } from './command.ts'
import { exitCodeOfJob } from './exit-codes.ts'
import { runInForeground } from './foreground-job.ts'
import { renderOutcome } from './output/job.ts'
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
    profile: Flags.string({ char: 'p', default: '', helpValue: 'NAME', description: 'profile to work under' }),
    'session-id': Flags.string({
      helpValue: 'ID',
      description: 'go on with the conversation of an earlier job, on its branch',
    }),
    wait: Flags.boolean({ char: 'w', description: 'show what the agent does as it does it' }),
    model: Flags.string({ helpValue: 'NAME', description: 'model to use' }),
    'max-turns': Flags.integer({ min: 1, helpValue: 'N', description: 'most turns the agent may take' }),
    'max-budget-usd': Flags.string({ helpValue: 'X', description: 'most dollars the agent may spend' }),
    timeout: Flags.integer({ min: 1, helpValue: 'S', description: 'most seconds the agent may take' }),
    'idempotency-key': Flags.string({
      helpValue: 'K',
      description: 'with a key that was used before: that job, instead of a new one',
    }),
    local: Flags.boolean({ description: 'run the job in this process' }),
    json: Flags.boolean({ description: 'print the job record as JSON' }),
  }

  async run(): Promise<void> {
    const { args, flags } = await this.parse(Run)
    this.requireLocal(flags)
    const app = await this.openJobs({ local: true })
    const repoUrl = await app.resolveRepository(flags.repo, process.cwd())
    const request: JobRequest = {
      task: await readTask(args.task, process.stdin),
      repoUrl,
      baseRef: flags['base-ref'],
      profile: flags.profile,
      mode: 'sync',
      ttlSeconds: app.defaults.jobTtlSeconds,
      ...(flags.model === undefined ? {} : { model: flags.model }),
      ...(flags['max-turns'] === undefined ? {} : { maxTurns: flags['max-turns'] }),
      ...(flags['max-budget-usd'] === undefined ? {} : { maxBudgetUsd: Number(flags['max-budget-usd']) }),
      ...(flags.timeout === undefined ? {} : { timeoutSeconds: flags.timeout }),
      ...(flags['idempotency-key'] === undefined ? {} : { idempotencyKey: flags['idempotency-key'] }),
    }
    const session = flags['session-id']
    const job = await app.submit(session === undefined ? request : await app.followUp(request, session))
    if (job.status !== 'queued') return this.#showEarlier(job, flags.json)
    await runInForeground(app, job, { live: flags.wait, json: flags.json })
  }

  /** The key belongs to a job that is on its way, or has ended. */
  #showEarlier(job: Job, json: boolean): void {
    this.say(`The idempotency key belongs to job ${shortId(job.id)} of ${job.createdAt}.`)
    if (json) this.printJson(toWire(job))
    else this.print(renderOutcome(job, this.paint, true))
    process.exitCode = job.status === 'running' ? 0 : exitCodeOfJob(job)
  }
}
