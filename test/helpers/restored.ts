import type { Redis } from 'ioredis'
import { until } from './until.ts'

/** The ended jobs are listed again, too; until then submissions under a key are put off. */
export async function restored(client: Redis, prefix: string): Promise<void> {
  await until(async () => (await client.exists(`${prefix}:restoring`)) === 0 || undefined)
}
