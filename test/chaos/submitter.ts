/** Submits jobs and prints the id of each when it is accepted: `submitter.ts DIRECTORY NAME COUNT`. */

import { newJob } from '../helpers/jobs.ts'
import { openStore, places } from './places.ts'

const [directory = '', name = '', count = '0'] = process.argv.slice(2)
const store = await openStore(places(directory).jobs)
for (let n = 0; n < Number(count); n++) {
  // Every third one under a key, and twice: as a client that did not get its answer.
  const request = { task: `${name} ${n}`, ...(n % 3 === 0 ? { idempotencyKey: `${name}-${n}` } : {}) }
  const kept = await store.submit(newJob(new Date(), request))
  process.stdout.write(`${kept.id}\n`)
  if (n % 3 === 0) process.stdout.write(`${(await store.submit(newJob(new Date(), request))).id}\n`)
}
