import t from 'tap'
import { newJob } from '../../test/helpers/jobs.ts'
import { isFinal, type Job, type JobStatus, jobStatuses, type Outcome } from './job.ts'
import { decodeJob, encodeJob } from './record.ts'
import { cancelRequested, claimed, finished, isReady, recorded, released } from './states.ts'

const start = new Date('2026-11-23T12:00:00Z')
const at = new Date('2026-11-23T12:05:00Z')
const later = new Date('2026-11-23T13:00:00Z')

const success: Outcome = { status: 'succeeded', facts: { output: 'done' } }
const failure: Outcome = { status: 'failed', errorCode: 'timeout', error: 'late', facts: { exitCode: 143 } }
const stopped: Outcome = { status: 'cancelled', facts: { output: 'half' } }

/** Every way to move a job. */
const transitions: Readonly<Record<string, (job: Job) => Job>> = {
  claim: job => claimed(job, { fence: job.fence + 1, podName: 'pod', bootId: 'boot', at }),
  record: job => recorded(job, { pid: 7, sessionId: 's' }),
  release: job => released(job, { at }),
  releaseUntil: job => released(job, { at, notBefore: later }),
  succeed: job => finished(job, success, at),
  fail: job => finished(job, failure, at),
  giveUp: job => finished(job, stopped, at),
  cancel: job => cancelRequested(job, at),
}

const queued = newJob(start)
const running = claimed(queued, { fence: 1, podName: 'pod', bootId: 'boot', at: start })
const marked = cancelRequested(running, start)
const final = (status: JobStatus): Job => ({ ...running, status, endedAt: start.toISOString() })

t.test('each transition from each state ends where the drawing says, or is refused', async t => {
  const refused = 'refused'
  const from = (job: Job, ends: Partial<Record<string, string>>) => {
    for (const [name, move] of Object.entries(transitions)) {
      const what = `${job.status}${job.cancelRequestedAt ? ' (marked)' : ''}: ${name}`
      const end = ends[name] ?? refused
      if (end === refused) t.throws(() => move(job), { code: 'stale_lease', message: new RegExp(job.id) }, what)
      else t.equal(move(job).status, end, what)
    }
  }
  from(queued, { claim: 'running', cancel: 'cancelled' })
  from(running, {
    record: 'running',
    release: 'queued',
    releaseUntil: 'queued',
    succeed: 'succeeded',
    fail: 'failed',
    giveUp: 'cancelled',
    cancel: 'running',
  })
  from(marked, {
    record: 'running',
    release: 'cancelled',
    releaseUntil: 'cancelled',
    succeed: 'cancelled',
    fail: 'cancelled',
    giveUp: 'cancelled',
    cancel: 'running',
  })
  for (const status of jobStatuses.filter(status => isFinal(final(status)))) from(final(status), { cancel: status })
})

t.test('no transition touches the job it is given, nor what was asked', async t => {
  const { task, repoUrl, baseRef, id, createdAt } = queued
  for (const job of [queued, running, marked]) {
    const before = JSON.stringify(job)
    for (const move of Object.values(transitions)) {
      const next = attempt(job, move)
      if (next) t.match(next, { task, repoUrl, baseRef, id, createdAt })
    }
    t.equal(JSON.stringify(job), before)
  }
})

t.test('a job holds together on every path of seven steps', async t => {
  const broken: string[] = []
  const seen = new Set<JobStatus>()
  let paths = 0
  const walk = (job: Job, path: readonly string[]): void => {
    seen.add(job.status)
    if (path.length === 7) return
    for (const [name, move] of Object.entries(transitions)) {
      const next = attempt(job, move)
      if (!next || next === job) continue
      paths += 1
      for (const fault of faultsOf(job, next)) broken.push(`${[...path, name].join(' → ')}: ${fault}`)
      walk(next, [...path, name])
    }
  }
  walk(queued, [])
  t.strictSame(broken.slice(0, 5), [])
  t.ok(paths > 500, `${paths} steps`)
  t.strictSame([...seen].sort(), ['cancelled', 'failed', 'queued', 'running', 'succeeded'], 'nothing expires by itself')
})

/** What must hold for any step, in words. */
function faultsOf(before: Job, after: Job): string[] {
  const rules: Readonly<Record<string, boolean>> = {
    'left a final state': !isFinal(before),
    'the fence fell': after.fence >= before.fence,
    'a claim without a higher fence':
      before.status === after.status || after.status !== 'running' || after.fence > before.fence,
    'interruptions were forgotten': after.interruptions >= before.interruptions,
    'a running job has spent one start, a queued one none':
      isFinal(after) || after.attempt === (after.status === 'running' ? 1 : 0),
    'endedAt is there when it ended, and only then': isFinal(after) === (after.endedAt !== undefined),
    'a process is known only while running': after.status === 'running' || after.pid === undefined,
    'a queued job is held by nobody': after.status !== 'queued' || (after.podName === '' && after.worktreePath === ''),
    'only a queued job waits for a time': after.status === 'queued' || after.notBefore === undefined,
    'an error is there when it failed, and only then':
      (after.status === 'failed') === (after.errorCode !== undefined && after.error !== undefined),
    'a cancel request was overruled':
      after.cancelRequestedAt === undefined || ['running', 'cancelled'].includes(after.status),
    'the first cancel request was forgotten':
      before.cancelRequestedAt === undefined || after.cancelRequestedAt === before.cancelRequestedAt,
    'the record is not read back as it was': sameWhenStored(after),
  }
  return Object.entries(rules).flatMap(([fault, holds]) => (holds ? [] : [fault]))
}

function sameWhenStored(job: Job): boolean {
  const json = JSON.stringify(encodeJob(job))
  return JSON.stringify(encodeJob(decodeJob(json, 'x'))) === json
}

function attempt(job: Job, move: (job: Job) => Job): Job | undefined {
  try {
    return move(job)
  } catch {
    return undefined
  }
}

t.test('a job is ready when it is queued and its time has come, to the millisecond', async t => {
  const waiting = released(running, { at, notBefore: later })
  t.equal(isReady(queued, start), true)
  t.equal(isReady(waiting, new Date(later.getTime() - 1)), false)
  t.equal(isReady(waiting, later), true)
  for (const job of [running, marked, final('succeeded'), cancelRequested(queued, at)])
    t.equal(isReady(job, later), false)
})

t.test('a cancelled job keeps what its last attempt found, and when it began', async t => {
  const worked = recorded(marked, { branch: 'agenticore/x', sessionId: 's', totalCostUsd: 1 })
  t.match(released(worked, { at, notBefore: later }), {
    status: 'cancelled',
    branch: 'agenticore/x',
    totalCostUsd: 1,
    startedAt: start.toISOString(),
    endedAt: at.toISOString(),
    podName: 'pod',
    attempt: 1,
    interruptions: 0,
  })
})
