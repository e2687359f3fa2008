import * as Args from '@oclif/core/args'
import * as Flags from '@oclif/core/flags'
import { type Job, toWire } from '../api/wire.ts'
import { resolveRepository } from '../connection.ts'
import { shortId } from '../util/ids.ts'
import { printable } from '../util/printable.ts'
import { AgenticoreCommand } from './command.ts'
import { exitCodeOfJob } from './exit-codes.ts'
import { runInForeground } from './foreground-job.ts'
import { renderOutcome } from './output/job.ts'
import { requestFlags, requestFrom, submissionFrom, type Wanted } from './request.ts'
import { readTask } from './task.ts'
import { watchJob } from './watch-job.ts'

export default class Run extends AgenticoreCommand {
  static override summary = 'Hand a task to an agent, get back a branch and a pull request.'

  static override description =
    `The agent works in a clone of its own; your working directory is never touched. What it changes is committed, pushed
to a branch of its own, and, on GitHub, offered as a pull request. A server runs the job (AGENTICORE_URL), or, with --local,
this process.`

  static override examples = [
    '<%= config.bin %> run "fix the login bug" --repo https://github.com/you/app --wait',
    '<%= config.bin %> run "add a test for slugify" --repo . --local --wait',
    '<%= config.bin %> run - --repo . --json < task.md',
  ]

  static override args = {
    task: Args.string({ required: true, description: 'what is to be done; - reads it from standard input' }),
  }

  static override flags = {
    ...requestFlags,
    wait: Flags.boolean({ char: 'w', description: 'show what the agent does as it does it' }),
    local: Flags.boolean({ description: 'run the job in this process' }),
    json: Flags.boolean({ description: 'print the job record as JSON' }),
  }

  async run(): Promise<void> {
    const { args, flags } = await this.parse(Run)
    const wanted = { ...flags, task: await readTask(args.task, process.stdin) }
    if (flags.local) return await this.#runHere(wanted, flags)
    const server = await this.connection()
    // Asked at once: a task is not to wait for git where there is no server.
    const repoUrl = await resolveRepository(flags.repo, process.cwd())
    const { job, warnings } = await server.submit(submissionFrom(wanted, repoUrl))
    for (const warning of warnings) this.say(`Warning: ${warning}`)
    if (flags.wait) return await watchJob(server, job, flags)
    if (flags.json) this.printJson(toWire(job))
    else this.#showSubmitted(job)
  }

  async #runHere(wanted: Wanted, { wait, json }: { wait: boolean; json: boolean }): Promise<void> {
    const app = await this.openLocal()
    const request = requestFrom(wanted, await app.resolveRepository(wanted.repo, process.cwd()))
    const session = wanted['session-id']
    const job = await app.submit(session === undefined ? request : await app.followUp(request, session))
    if (job.status !== 'queued') return this.#showEarlier(job, json)
    await runInForeground(app, job, { live: wait, json })
  }

  /** As the Python agenticore printed it. */
  #showSubmitted(job: Job): void {
    this.print(`Job submitted: ${job.id}`)
    this.print(`  Status:  ${job.status}\n  Profile: ${job.profile}`)
    if (job.repoUrl !== '') this.print(`  Repo:    ${printable(job.repoUrl)}`)
    this.say(`agenticore logs ${shortId(job.id)} --follow shows what it does.`)
  }

  /** The key belongs to a job that is on its way, or has ended. */
  #showEarlier(job: Job, json: boolean): void {
    this.say(`The idempotency key belongs to job ${shortId(job.id)} of ${job.createdAt}.`)
    if (json) this.printJson(toWire(job))
    else this.print(renderOutcome(job, this.paint, true))
    process.exitCode = job.status === 'running' ? 0 : exitCodeOfJob(job)
  }
}
