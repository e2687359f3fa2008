import type { Job } from '../api/wire.ts'
import type { RemoteAgenticore } from '../client/remote.ts'
import { shortId } from '../util/ids.ts'
import { exitCodeOfJob, exitCodes } from './exit-codes.ts'
import { printOutcome } from './output/outcome.ts'
import { Progress } from './output/progress.ts'
import { whatNow } from './output/what-now.ts'
import { withSignals } from './signals.ts'

/** After the first Ctrl-C, for a second one. */
const changeOfMindMs = 2000

/**
 * Shows what a server's job does, and sets the exit code to how it ended. The first Ctrl-C lets it go on alone; a second
 * one soon after cancels it.
 */
export async function watchJob(server: RemoteAgenticore, job: Job, { json }: { json: boolean }): Promise<void> {
  const progress = new Progress(process.stderr)
  const id = shortId(job.id)
  try {
    await withSignals(async ({ first, second }) => {
      const trouble = (what: string | undefined): void =>
        progress.say(
          what === undefined ? `${server.url} is there again.` : `${what} The job is not affected; trying again …`,
        )
      let last: Job | undefined
      const ended = (now: Job): void => {
        last = now
      }
      for await (const event of server.events(job.id, { follow: first, trouble, ended })) progress.event(event)
      if (first.aborted) return await letGo(server, job, second, line => progress.say(line))
      // A server that goes right after the end need not be asked.
      tell(last ?? (await server.job(job.id)), progress, json)
    })
  } catch (error) {
    progress.say(`Job ${id} goes on at ${server.url}: agenticore logs ${id} --follow shows it.`)
    throw error
  } finally {
    progress.stop()
  }
}

function tell(job: Job, progress: Progress, json: boolean): void {
  progress.stop()
  printOutcome(job, { live: true, json })
  if (job.status !== 'succeeded') progress.say(whatNow(job))
  process.exitCode = exitCodeOfJob(job)
}

async function letGo(
  server: RemoteAgenticore,
  { id }: Job,
  second: AbortSignal,
  say: (line: string) => void,
): Promise<void> {
  say(
    `The job goes on without you: agenticore logs ${shortId(id)} --follow comes back to it. (Ctrl-C again cancels it.)`,
  )
  process.exitCode = exitCodes.interrupted
  await new Promise<void>(resolve => {
    const timer = setTimeout(resolve, changeOfMindMs)
    const changed = (): void => {
      clearTimeout(timer)
      resolve()
    }
    second.addEventListener('abort', changed, { once: true })
    if (second.aborted) changed()
  })
  if (!second.aborted) return
  const { status } = await server.cancel(id)
  say(status === 'running' ? 'The job is being cancelled.' : `The job is ${status}.`)
}
