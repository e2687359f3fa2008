import t from 'tap'
import { redisFor } from '../helpers/redis.ts'
import { jobStoreContract } from './job-store.ts'
import { RedisBench } from './redis-bench.ts'

const redis = await redisFor(t)

jobStoreContract(t, 'redis store', async (t, clock) => {
  const bench = new RedisBench(t, redis, clock)
  return { store: await bench.open(), other: await bench.open(), open: () => bench.open() }
})
