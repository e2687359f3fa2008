import { join } from 'node:path'
import t, { type Test } from 'tap'
import { marksFaults } from './marks.ts'
import { asEpochMs, now, type Span } from './spans.ts'

const job = { id: 'j', status: 'succeeded', repo_url: '', pod_name: 'b', fence: 2 }

/** Attempt 1 on pod a, attempt 2 on pod b; moments in seconds from now on. */
function found(t: Test, a: number[], b: number[], { endsAt = 0, fence = 2, absences = [] as Span[] } = {}): string[] {
  const lines = (attempt: number, moments: number[]): string =>
    moments.map((at, n) => `j/${attempt} ${n === moments.length - 1 ? 'end' : 'alive'} ${now() + at}\n`).join('')
  const place = t.testdir({ a: lines(1, a), b: lines(2, b) })
  const pods = [
    { name: 'a', marks: join(place, 'a'), absences },
    { name: 'b', marks: join(place, 'b'), absences: [] },
  ]
  const ended = { ...job, fence, ended_at: new Date(asEpochMs(now() + endsAt)).toISOString() }
  return marksFaults(pods, [ended]).faults
}

t.test('one after the other is as it should be', async t => {
  t.strictSame(found(t, [-9, -8], [-7, -1]), [])
})

t.test('two at once are not, unless the server of the earlier one stood still then', async t => {
  t.match(found(t, [-9, -5], [-7, -1]), [/attempt 1 on a was there for 2\.0\d s beside a later one/])
  const still = (to: number): Span => ({ what: 'stood still', from: now() - 10, to: now() + to })
  t.strictSame(found(t, [-9, -5], [-7, -1], { absences: [still(-4)] }), [])
  t.match(found(t, [-9, -5], [-7, -1], { absences: [still(-6)] }), [/beside a later one/])
})

t.test('an agent that is there long after the end, or of an attempt after the one that ended the job', async t => {
  t.match(found(t, [-30, -29], [-28, -1], { endsAt: -20 }), [/of attempt 2 on b was there 5 s after the end/])
  t.match(found(t, [-9, -8], [-7, -1], { fence: 1 }), [/attempt 2 ran/, /whose agent had not ended/])
  t.match(found(t, [-9, -8], []), [/whose agent had not ended/])
})
