import type { JobId } from '../../src/jobs/job.ts'
import { newJob } from '../../test/helpers/jobs.ts'
import { type Figures, figures } from './measure.ts'
import { MemoryJournal } from './memory-journal.ts'
import { openPod, type Place } from './queues.ts'

const lanes = 100
const limit = 20

/** A page of the newest jobs, and one from the middle, among so many that wait, in turns. */
export async function measureListing(place: Place, sizes: readonly number[], pages: number): Promise<Figures[]> {
  const beds = []
  for (const size of sizes) {
    const store = await openPod({ ...place, prefix: `${place.prefix}-${size}` }, { journal: new MemoryJournal() })
    const ids: JobId[] = []
    const lane = async (): Promise<void> => {
      while (ids.length < size) {
        const job = newJob(new Date())
        ids.push(job.id)
        await store.submit(job)
      }
    }
    await Promise.all(Array.from({ length: lanes }, lane))
    const middle = ids[Math.floor(size / 2)]
    if (middle === undefined) throw new Error('there are no jobs')
    beds.push({ size, store, middle, newest: [] as number[], within: [] as number[] })
  }
  for (let turn = 0; turn < pages; turn++) {
    for (const { store, middle, newest, within } of beds) {
      newest.push(await timed(() => store.list({ limit })))
      within.push(await timed(() => store.list({ limit, before: middle })))
    }
  }
  await Promise.all(beds.map(({ store }) => store.close()))
  const among = (size: number): string => `among ${size.toLocaleString('en')}`
  return [
    ...beds.map(({ size, newest }) => figures(`newest, ${among(size)}`, newest)),
    ...beds.map(({ size, within }) => figures(`from the middle, ${among(size)}`, within)),
  ]
}

async function timed(work: () => Promise<unknown[]>): Promise<number> {
  const startMs = performance.now()
  const found = await work()
  if (found.length !== limit) throw new Error(`${found.length} jobs on a page of ${limit}`)
  return performance.now() - startMs
}
