import { join } from 'node:path'
import t from 'tap'
import { conductDaemon } from './conductor.ts'

t.test('a daemon that is killed all the while loses no job, and doubles none', { timeout: 120_000 }, async t => {
  const seed = Date.now() % 100_000
  t.comment(`seed ${seed}; the long form is scripts/chaos/daemon`)
  const report = await conductDaemon({ directory: join(t.testdir(), 'chaos'), jobs: 40, killEveryMs: 2500, seed })
  t.equal(report.jobs, 40)
  t.strictSame(report.lost, [])
  t.strictSame(report.doubled, [])
  t.strictSame(report.wrong, [])
  t.strictSame(report.orphans, [])
  t.ok(report.kills > 1, `${report.kills} kills, ${report.poison} poisonous, ${report.followed} followed`)
})
