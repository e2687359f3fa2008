import { readdirSync, statSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { RedisUnderTest } from '../../helpers/redis.ts'

/** Redis goes as a machine does that loses its power: what was appended in the last `ms` had not come to the disk. */
export async function loseTail(redis: RedisUnderTest, ms: number): Promise<void> {
  const file = tailOf(redis.directory)
  const onDisk = statSync(file).size
  await delay(ms)
  await redis.kill()
  // Written anew meanwhile, it is another file, and is left whole.
  if (tailOf(redis.directory) === file) truncateSync(file, onDisk)
}

/** The file that it appends to. */
function tailOf(directory: string): string {
  const place = join(directory, 'appendonlydir')
  const name = readdirSync(place).find(each => each.endsWith('.incr.aof'))
  if (name === undefined) throw new Error(`${place} has no file that is appended to`)
  return join(place, name)
}
