import { join } from 'node:path'
import t from 'tap'
import { conduct } from './conductor.ts'

t.test('under random kills of claimers no job is lost and none has two results', { timeout: 110_000 }, async t => {
  const seed = Date.now() % 100_000
  t.comment(`seed ${seed}; the long form is scripts/chaos/file-store`)
  const report = await conduct({ directory: join(t.testdir(), 'chaos'), jobs: 24, processes: 4, seed })
  t.equal(report.jobs.length, 24)
  t.strictSame(report.lost, [])
  t.strictSame(report.doubled, [])
  t.strictSame(report.wrong, [])
  t.ok(report.kills > 3, `${report.kills} kills, ${report.starts} starts, ${report.poison} poisonous`)
})
