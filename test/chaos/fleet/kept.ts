import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Redis } from 'ioredis'
import { until } from '../../helpers/until.ts'
import type { Seen } from '../daemon/clients.ts'

/** Whoever has ended a job and died before it was in the journal is followed by another pod after 30 s. */
const foldedMs = 60_000

/** The files that outlive Redis say of each job what the server says, and none of them that one is still to run. */
export async function journalFaults(shared: string, jobs: ReadonlyMap<string, Seen>): Promise<string[]> {
  const place = join(shared, 'job-state')
  // One without a record means nothing: a submission did not come further.
  const isRecorded = (id: string): boolean => existsSync(join(place, `${id}.json`))
  const markers = (): string[] => readdirSync(join(place, 'active')).filter(isRecorded)
  await until(() => markers().length === 0 || undefined, foldedMs).catch(() => undefined)
  return [
    ...markers().map(id => `the journal still has ${id} for one that runs`),
    ...[...jobs.values()].flatMap(({ id, status, fence }) => {
      const record: unknown = JSON.parse(readFileSync(join(place, `${id}.json`), 'utf8'))
      const recorded = JSON.stringify(record, ['status', 'fence'])
      const seen = JSON.stringify({ status, fence })
      return recorded === seen ? [] : [`the journal has ${id} as ${recorded}, the server as ${seen}`]
    }),
  ]
}

/** Scalers see nothing that waits, and no pod that is busy. */
export async function scalerFaults(redis: Redis): Promise<string[]> {
  const lengths = async (): Promise<string> => {
    const [queue, floor] = [await redis.llen('agenticore:queue'), await redis.scard('agenticore:scale:floor')]
    return queue + floor === 0 ? '' : `scalers see ${queue} jobs that wait, and a floor of ${floor}`
  }
  await until(async () => (await lengths()) === '' || undefined, foldedMs).catch(() => undefined)
  return [await lengths()].filter(Boolean)
}
