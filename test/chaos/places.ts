import { join } from 'node:path'
import { FileJobStore } from '../../src/store/file/store.ts'
import { FileJournal } from '../../src/store/journal/journal.ts'
import { systemClock } from '../../src/util/clock.ts'

export const places = (directory: string) => ({
  jobs: join(directory, 'jobs'),
  /** What the agents say. */
  log: join(directory, 'agents.log'),
  /** Claimers leave when it is there. */
  stop: join(directory, 'stop'),
})

export const openStore = async (jobs: string): Promise<FileJobStore> =>
  await FileJobStore.open(jobs, { journal: await FileJournal.open(jobs), clock: systemClock, warn: console.error })
