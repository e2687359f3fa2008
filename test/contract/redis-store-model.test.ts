import t from 'tap'
import { jobFrom } from '../../src/jobs/record.ts'
import { FileJournal, type JournalPoint } from '../../src/store/journal/journal.ts'
import type { ScriptName, ScriptPoint } from '../../src/store/redis/scripts.ts'
import { ManualClock } from '../helpers/clock.ts'
import { redisFor } from '../helpers/redis.ts'
import { RedisBench } from './redis-bench.ts'
import { heldAgainstModel } from './store-property.ts'
import type { Place } from './store-world.ts'

/** But for `folded`, for which nobody waits: `fleet-kills.test.ts` dies there. */
const steps: readonly ScriptName[] = ['submit', 'claim', 'record', 'settle', 'cancel', 'expire', 'seize']
const points: readonly (ScriptPoint | JournalPoint)[] = [
  ...steps.flatMap(name => [`${name}: sent`, `${name}: answered`] as const),
  'create: marked',
  'begin: directory',
  'forget: sent',
  'forget: answered',
]
const redis = await redisFor(t)

async function place(): Promise<Place & { close(): void }> {
  const bench = new RedisBench(t, redis, new ManualClock())
  return {
    points,
    broken: 'released',
    open: parts => bench.open({ ...parts, random: () => 0.5 }),
    openJournal: reached => FileJournal.open(bench.root, reached),
    async peek(id) {
      const fields = Object.entries(await redis.client.hgetall(bench.key(`job:${id}`)))
      const record = fields.filter(([name]) => !name.startsWith('@')).map(([name, value]) => [name, JSON.parse(value)])
      return fields.length === 0 ? undefined : jobFrom(Object.fromEntries(record), id)
    },
    close: () => undefined,
  }
}

t.test('the redis store does what the model does, whoever dies wherever', async t => {
  await heldAgainstModel(t, place, { runs: Number(process.env.FC_RUNS ?? 60) })
})
