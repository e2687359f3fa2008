/** Claims and runs jobs until there is a file `stop`: `claimer.ts DIRECTORY`. Made to be killed at any moment. */
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Lease } from '../../src/jobs/ports.ts'
import { sweepMarked } from '../../src/process/sweep.ts'
import { FileEventLog } from '../../src/store/journal/events.ts'
import { systemClock } from '../../src/util/clock.ts'
import { markerVariable } from '../../src/util/marker.ts'
import { reap } from '../../src/worker/reaper.ts'
import { openStore, places } from './places.ts'

const [directory = ''] = process.argv.slice(2)
const { jobs, log, stop } = places(directory)
const store = await openStore(jobs)
const events = new FileEventLog(jobs, { clock: systemClock, redact: text => text })
const agent = join(import.meta.dirname, 'agent')
const endProcesses = async ({ job, fence }: Lease): Promise<void> =>
  void (await sweepMarked(`${job.id}/${fence}`, { afterDeath: true }))

async function work(lease: Lease): Promise<void> {
  const { job, fence } = lease
  await events.append(lease, { type: 'claimed', podName: job.podName, attempt: job.attempt })
  await store.record(lease, { sessionId: `session of ${fence}` })
  const env = { PATH: process.env.PATH ?? '', [markerVariable]: `${job.id}/${fence}` }
  await promisify(execFile)(agent, [job.id, String(fence), log], { env })
  await events.append(lease, { type: 'outcome', status: 'succeeded' })
  await store.finish(lease, { status: 'succeeded', facts: { output: `by ${fence}` } })
}

while (!existsSync(stop)) {
  await reap({ store, events, warn: console.error, endProcesses })
  const lease = await store.claim({ podName: `pod-${process.pid}` })
  if (lease) await work(lease)
  else await systemClock.sleep(20)
}
await store.close()
