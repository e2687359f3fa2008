import { join } from 'node:path'
import t from 'tap'
import { conductDaemon } from './conductor.ts'

// On a machine that does other work, too, a start takes as long as a daemon lives here.
t.setTimeout(300_000)

t.test('a daemon that is killed all the while loses no job, and doubles none', { timeout: 280_000 }, async t => {
  const seed = Date.now() % 100_000
  t.comment(`seed ${seed}; the long form is scripts/chaos/daemon`)
  const report = await conductDaemon({ directory: join(t.testdir(), 'chaos'), jobs: 28, killEveryMs: 4000, seed })
  t.equal(report.jobs, 28)
  t.strictSame(report.lost, [])
  t.strictSame(report.doubled, [])
  t.strictSame(report.wrong, [])
  t.strictSame(report.orphans, [])
  t.ok(report.kills > 1, `${report.kills} kills, ${report.poison} poisonous, ${report.followed} followed`)
})
