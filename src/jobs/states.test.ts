import t from 'tap'
import { newJob } from '../../test/helpers/jobs.ts'
import type { Job, Outcome } from './job.ts'
import { finalStatuses } from './job.ts'
import { abandoned, cancelRequested, claimed, finished, isReady, recorded, released } from './states.ts'

const at = new Date('2026-11-23T12:00:00Z')
const later = new Date('2026-11-23T12:05:00Z')
const success: Outcome = { status: 'succeeded', facts: { output: 'done', totalCostUsd: 1 } }
const failure: Outcome = { status: 'failed', errorCode: 'timeout', error: 'late', facts: { totalCostUsd: 2 } }

const queued = newJob(at)
const running = claimed(queued, { fence: 1, podName: 'a', bootId: 'boot', at })
const ended = (status: Job['status']): Job => ({ ...running, status, endedAt: at.toISOString() })

t.test('nothing leaves a final state', async t => {
  for (const status of finalStatuses) {
    const job = ended(status)
    t.throws(
      () => claimed(job, { fence: 2, podName: 'b', bootId: 'boot', at: later }),
      { code: 'stale_lease' },
      `${status}: claim`,
    )
    t.throws(() => recorded(job, { pid: 1 }), { code: 'stale_lease' }, `${status}: record`)
    t.throws(() => released(job, { at: later }), { code: 'stale_lease' }, `${status}: release`)
    t.throws(() => finished(job, success, later), { code: 'stale_lease' }, `${status}: finish`)
    t.equal(cancelRequested(job, later), job, `${status}: cancel`)
  }
})

t.test('only a queued job is claimed, only a running one is written, released or finished', async t => {
  t.throws(() => claimed(running, { fence: 2, podName: 'b', bootId: 'boot', at }), { code: 'stale_lease' })
  t.throws(() => recorded(queued, {}), { code: 'stale_lease' })
  t.throws(() => released(queued, { at }), { code: 'stale_lease' })
  t.throws(() => finished(queued, success, at), { code: 'stale_lease' })
})

t.test('a claim raises the fence, or is a fault', async t => {
  t.match(running, { status: 'running', fence: 1, attempt: 1, podName: 'a', startedAt: at.toISOString() })
  const again = released(running, { at })
  t.equal(claimed(again, { fence: 7, podName: 'b', bootId: 'boot', at: later }).fence, 7)
  for (const fence of [0, 1])
    t.throws(() => claimed(again, { fence, podName: 'b', bootId: 'boot', at: later }), /does not rise/)
})

t.test('a release gives the attempt back and counts an interruption, as often as it happens', async t => {
  let job = queued
  for (let n = 1; n <= 4; n++) {
    job = claimed(job, { fence: n, podName: 'a', bootId: 'boot', at })
    t.match(job, { attempt: 1, interruptions: n - 1 })
    job = released(recorded(job, { pid: 5, worktreePath: '/w', sessionId: 's' }), { at, notBefore: later })
    t.match(job, { status: 'queued', attempt: 0, interruptions: n, podName: '', worktreePath: '', sessionId: 's' })
    t.equal(job.putOffs, n)
    t.equal(job.pid, undefined)
    t.equal(isReady(job, at), false)
    t.equal(isReady(job, later), true)
  }
  const last = claimed(job, { fence: 9, podName: 'a', bootId: 'boot', at: later })
  t.equal(last.notBefore, undefined)
  t.match(released(last, { at: later }), { interruptions: 5, putOffs: 4 }, 'handed over, it was not put off')
  t.match(abandoned(last, later), { interruptions: 5, putOffs: 4 })
})

t.test('a cancel request wins over whatever the holder says, and keeps what it found', async t => {
  const marked = cancelRequested(running, at)
  t.match(marked, { status: 'running', cancelRequestedAt: at.toISOString() })
  t.strictSame(cancelRequested(marked, later), marked, 'the first request counts')
  for (const outcome of [success, failure]) {
    const job = finished(marked, outcome, later)
    t.match(job, { status: 'cancelled', totalCostUsd: outcome.facts.totalCostUsd, endedAt: later.toISOString() })
    t.equal(job.error, undefined)
    t.equal(job.errorCode, undefined)
  }
  t.match(released(marked, { at: later }), { status: 'cancelled', endedAt: later.toISOString() })
  t.match(cancelRequested(queued, later), { status: 'cancelled', endedAt: later.toISOString(), fence: 0 })
})

t.test('an outcome is written whole, and the process of the attempt is forgotten', async t => {
  const job = finished(recorded(running, { pid: 5, branch: 'b' }), failure, later)
  t.match(job, { status: 'failed', error: 'late', errorCode: 'timeout', branch: 'b', totalCostUsd: 2 })
  t.equal(job.pid, undefined)
})
