import type { Job } from '../api/wire.ts'
import type { LocalAgenticore } from '../app.ts'
import { shortId } from '../util/ids.ts'
import { exitCodeOfJob } from './exit-codes.ts'
import { withInterrupts } from './interrupts.ts'
import { printOutcome } from './output/outcome.ts'
import { Progress } from './output/progress.ts'
import { clockTime } from './output/text.ts'
import { whatNow } from './output/what-now.ts'

export interface ForegroundOptions {
  /** Show events as they come. */
  readonly live: boolean
  readonly json: boolean
}

/** Runs a queued job in this process, shows it, and sets the exit code to how it ended. */
export async function runInForeground(
  app: LocalAgenticore,
  queued: Job,
  { live, json }: ForegroundOptions,
): Promise<void> {
  const progress = live ? new Progress(process.stderr) : undefined
  const say = (line: string): void => (progress ? progress.say(line) : void process.stderr.write(`${line}\n`))
  if (isPutOff(queued)) say(`The job waits until ${clockTime(queued.notBefore)}. Ctrl-C leaves it in the queue.`)
  const interrupts = {
    first: () => say('Stopping the agent … (once more cancels the job)'),
    async second() {
      say('Cancelling the job …')
      await app.cancel(queued.id)
    },
  }
  // How the job ends counts, and not whether anybody reads it.
  process.stdout.removeAllListeners('error').on('error', () => undefined)
  try {
    const ended = await withInterrupts(interrupts, signal =>
      app.run(queued, { signal, onEvent: event => progress?.event(event) }),
    )
    // A second Ctrl-C can come when the job is back in the queue already.
    const job = ended.status === 'queued' ? await app.job(ended.id) : ended
    progress?.stop()
    printOutcome(job, { live, json })
    if (job.status !== 'succeeded') say(whatNow(job, await app.patchOf(job)))
    process.exitCode = exitCodeOfJob(job)
  } catch (error) {
    progress?.stop()
    const now = await app.job(queued.id).catch(() => undefined)
    const isTheirs = error instanceof Error && 'code' in error && error.code === 'job_not_queued'
    if (!isTheirs && (now?.status === 'queued' || now?.status === 'running')) {
      say(`The job is kept: agenticore resume ${shortId(now.id)} runs it.`)
    }
    throw error
  } finally {
    progress?.stop()
  }
}

const isPutOff = (job: Job): job is Job & { notBefore: string } =>
  job.notBefore !== undefined && Date.parse(job.notBefore) > Date.now()
