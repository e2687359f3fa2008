import { type Job, toWire } from '../../api/wire.ts'
import { printableJson } from '../../util/printable.ts'
import { paintFor } from './colour.ts'
import { renderOutcome } from './job.ts'

/**
 * Prints how a job ended.
 * @param how.live whether what the agent did was shown: in a terminal its last words are right above then
 */
export function printOutcome(job: Job, { live, json }: { readonly live: boolean; readonly json: boolean }): void {
  const { stdout } = process
  if (json) return void stdout.write(`${printableJson(JSON.stringify(toWire(job), null, 2))}\n`)
  const shown = live && stdout.isTTY
  stdout.write(`${shown ? '\n' : ''}${renderOutcome(job, paintFor(stdout), !shown)}\n`)
}
