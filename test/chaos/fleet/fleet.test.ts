import { join } from 'node:path'
import t from 'tap'
import { conductFleet, findingsOf } from './conductor.ts'
import { persistenceOf } from './redis-faults.ts'

t.setTimeout(300_000)

t.test(
  'a fleet in which everything fails all the while loses no job, and doubles none',
  { timeout: 280_000 },
  async t => {
    const seed = Date.now() % 100_000
    t.comment(`seed ${seed}; the long form is scripts/chaos/fleet`)
    const plan = {
      directory: join(t.testdir(), 'chaos'),
      jobs: 60,
      pods: 3,
      slots: 3,
      persistence: persistenceOf(seed),
      fillsDisk: false,
      faultEveryMs: 1500,
      seed,
      limitMs: 240_000,
    }
    const report = await conductFleet(plan)
    t.equal(report.jobs, 60)
    t.strictSame(findingsOf(report), [])
    t.ok(report.faults.size > 1, [...report.faults].map(([fault, count]) => `${count} ${fault}`).join(', '))
  },
)
