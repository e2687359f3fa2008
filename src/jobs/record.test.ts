import t from 'tap'
import { newJob } from '../../test/helpers/jobs.ts'
import { wireJob } from '../api/job.ts'
import { remedyFor, toWire } from '../api/wire.ts'
import { AgenticoreError } from './errors.ts'
import { decodeEvent, encodeEvent } from './event-record.ts'
import type { Job } from './job.ts'
import { decodeJob, encodeJob, encodeRecord } from './record.ts'
import { checkRequest, maxTaskBytes } from './request.ts'
import { titleOf } from './title.ts'

const now = new Date('2026-11-23T12:00:00Z')
const time = now.toISOString()

/** A job in which every field that can be set is. */
const full: Job = {
  ...newJob(now, {
    model: 'm',
    maxTurns: 3,
    maxBudgetUsd: 0.5,
    timeoutSeconds: 9,
    queueTtlSeconds: 5,
    idempotencyKey: 'k',
  }),
  status: 'failed',
  startedAt: time,
  endedAt: time,
  notBefore: time,
  cancelRequestedAt: time,
  podName: 'a',
  fence: 2,
  attempt: 1,
  interruptions: 1,
  pid: 7,
  worktreePath: '/w',
  jobConfigDir: '/c',
  branch: 'agenticore/x',
  baseSha: 'a',
  headSha: 'b',
  prUrl: 'https://x/1',
  prError: 'no',
  sessionId: 's',
  resumed: true,
  exitCode: 1,
  output: 'out',
  outputTruncated: true,
  error: 'e',
  errorCode: 'timeout',
  numTurns: 2,
  totalCostUsd: 0.25,
  usage: { input_tokens: 1 },
  durationMs: 10,
  claudeVersion: '2.1.330',
  changedFiles: 1,
  lastActivity: time,
  queuePosition: 1,
}

t.test('a record says everything, in snake_case, and is read back as it was', async t => {
  for (const job of [newJob(now), full]) {
    const json = JSON.stringify(encodeJob(job))
    t.strictSame(decodeJob(json, 'x.json'), job)
    t.notMatch(json, /"[a-z]+[A-Z]\w*":/)
  }
})

t.test('the wire record is the schema, whatever is set: no field more, none less', async t => {
  t.strictSame(Object.keys(wireJob.parse(toWire(full))).sort(), Object.keys(wireJob.shape).sort())
  wireJob.parse(toWire(newJob(now)))
  t.strictSame(Object.keys(toWire(full)), Object.keys(wireJob.shape), 'in the order of the documentation')
})

t.test('a record under an id that is none is refused', async t => {
  const json = JSON.stringify({ ...encodeJob(newJob(now)), id: '../../../home/me' })
  t.throws(() => decodeJob(json, 'x.json'), { code: 'corrupt_record', message: 'id' })
})

t.test('what a later version added is kept when this one rewrites the record, and shown to nobody', async t => {
  const later = { error_code: 'code_of_n_plus_1', new_field: { some_part: [1, 'b'], camelPart: null }, other: false }
  const written = { ...encodeJob(full), ...later }
  const job = decodeJob(JSON.stringify(written), 'x.json')
  t.strictSame(encodeRecord({ ...job, status: 'cancelled' }), { ...written, status: 'cancelled' })
  t.strictSame(toWire(job), { ...toWire(full), error_code: 'code_of_n_plus_1' })
  const { errorCode } = job
  if (errorCode === undefined) throw new Error('The code is gone')
  t.match(new AgenticoreError(errorCode, 'x'), {
    kind: 'refused',
    code: 'code_of_n_plus_1',
    remedy: /newer agenticore/,
  })
  t.match(remedyFor(errorCode), 'update')
})

t.test('a record that only a later version can read is no broken one, whatever else is in it', async t => {
  for (const fields of [{}, { status: 'sleeping' }, { task: undefined }]) {
    const json = JSON.stringify({ ...encodeJob(newJob(now)), ...fields, schema_version: 2 })
    t.throws(() => decodeJob(json, '/jobs/x.json'), {
      code: 'newer_record',
      message: '/jobs/x.json was written by a newer agenticore: schema version 2',
      remedy: /^Update agenticore/,
    })
  }
})

t.test('what is no record is refused, naming the file and the fields', async t => {
  const record = encodeJob(newJob(now))
  for (const [json, says] of [
    ['', 'is not JSON'],
    ['[]', 'wrong or missing id, task'],
    ['null', 'is no job record'],
    [JSON.stringify({ ...record, status: 'sleeping' }), 'wrong or missing status'],
    [JSON.stringify({ ...record, fence: '1', pid: 'x' }), 'fence, pid|pid, fence|fence'],
    [JSON.stringify({ ...record, usage: { a: 'b' } }), 'usage'],
    [JSON.stringify({ ...record, error_code: 'No code' }), 'error_code'],
  ] as const) {
    t.throws(() => decodeJob(json, '/jobs/x.json'), {
      code: 'corrupt_record',
      message: new RegExp(`/jobs/x.json .*(${says})`),
    })
  }
})

t.test('an event is one line, its nested values untouched; a torn line is none', async t => {
  const event = {
    id: '1-2',
    at: time,
    type: 'tool_call',
    toolUseId: 'u',
    tool: 'Bash',
    input: { filePath: 'a', b_c: 1 },
  } as const
  const line = encodeEvent(event)
  t.match(line, '"tool_use_id":"u"')
  t.match(line, '"input":{"filePath":"a","b_c":1}')
  t.strictSame(decodeEvent(line), event)
  for (const torn of ['', line.slice(0, -3), '[]', '{"id":"1-1"}', 'null']) t.equal(decodeEvent(torn), undefined)
})

t.test('a request is checked field by field', async t => {
  checkRequest(full)
  for (const [given, says] of [
    [{ task: '' }, 'empty'],
    [{ task: ' \n\t' }, 'empty'],
    [{ task: 'a\0b' }, 'NUL'],
    [{ task: 'ä'.repeat(maxTaskBytes / 2 + 1) }, `${maxTaskBytes + 2} bytes`],
    [{ maxTurns: 0 }, 'max_turns is 0'],
    [{ maxBudgetUsd: Number.NaN }, 'max_budget_usd is NaN'],
    [{ timeoutSeconds: -1 }, 'timeout is -1'],
    [{ ttlSeconds: 0 }, 'ttl_seconds is 0'],
  ] as const) {
    t.throws(() => checkRequest({ ...full, ...given }), { code: 'invalid_request', message: new RegExp(says) })
  }
  checkRequest({ ...full, task: 'ä'.repeat(maxTaskBytes / 2) })
})

t.test('a title is the first line, cut at a word', async t => {
  t.equal(titleOf('\n  Fix   the bug \nand more'), 'Fix the bug')
  const long = titleOf('word '.repeat(40))
  t.ok(long.length <= 72 && long.endsWith('word…'), long)
  t.equal(titleOf('x'.repeat(100)).length, 72)
})
