import t from 'tap'
import { newJob } from '../../../test/helpers/jobs.ts'
import type { Job, JobEvent } from '../../api/wire.ts'
import { renderEvent } from './events.ts'
import { renderJob, renderOutcome } from './job.ts'
import { renderPods } from './pods.ts'
import { dollars, duration, plural, table } from './text.ts'

const plain = (_: unknown, text: string): string => text
const at = '2026-11-23T12:00:00.000Z'
const evil = 'evil\u001b]0;title\u0007\u001b[2J\u202e\rx'
// biome-ignore lint/suspicious/noControlCharactersInRegex: none of these may be there
const controls = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e]/

const done: Job = {
  ...newJob(new Date(at)),
  status: 'succeeded',
  headSha: 'a'.repeat(40),
  branch: 'agenticore/x',
  changedFiles: 1,
  durationMs: 62_000,
  numTurns: 3,
  totalCostUsd: 0.5,
  output: 'All well.',
}

t.test('durations, sums and counts as a person writes them', async t => {
  const pairs = [
    [0, '0 ms'],
    [999, '999 ms'],
    [1000, '1 s'],
    [59_400, '59 s'],
    [65_000, '1 min 5 s'],
    [7_800_000, '2 h 10 min'],
  ] as const
  for (const [ms, text] of pairs) t.equal(duration(ms), text)
  t.strictSame([dollars(0.00412), dollars(12.345)], ['$0.0041', '$12.35'])
  t.strictSame([plural(1, 'file'), plural(0, 'file')], ['1 file', '0 files'])
})

t.test('a table is as wide as its cells, and no wider than the terminal', async t => {
  const text = table(
    ['ID', 'TASK'],
    [
      ['1', 'short'],
      ['22', `two\nlines ${evil}`],
    ],
    12,
  )
  t.strictSame(text.split('\n'), ['ID  TASK', '1   short', '22  two lin…'])
})

t.test('the outcome is told in the order a person asks', async t => {
  t.equal(
    renderOutcome(done, plain, true),
    [
      'succeeded  1 min 2 s · 3 turns · $0.5000',
      `  job      ${done.id.slice(-12)}`,
      '  branch   agenticore/x at aaaaaaaa',
      '  changes  1 file',
      '',
      'All well.',
    ].join('\n'),
  )
  t.notMatch(renderOutcome(done, plain, false), 'All well')
  const { headSha: _, ...unchanged } = done
  t.match(renderOutcome(unchanged, plain, true), 'none: nothing was pushed')
  t.match(renderOutcome({ ...done, prUrl: 'http://x/1' }, plain, true), 'pull request  http://x/1')
  t.match(renderOutcome({ ...done, prError: 'Bad credentials' }, plain, true), 'none: Bad credentials')
  const failed: Job = { ...newJob(new Date(at)), status: 'failed', error: 'too late', errorCode: 'timeout' }
  t.match(renderOutcome(failed, plain, true), 'error  too late [timeout]')
})

t.test('nothing that came from elsewhere reaches the terminal as it is', async t => {
  const job: Job = {
    ...done,
    status: 'failed',
    task: evil,
    output: evil,
    error: evil,
    errorCode: 'internal',
    prError: evil,
    repoUrl: evil,
    branch: evil,
    model: evil,
    podName: evil,
  }
  for (const text of [
    renderJob(job, plain),
    renderOutcome(job, plain, true),
    renderOutcome({ ...job, status: 'succeeded' }, plain, true),
  ]) {
    t.notMatch(text, controls)
  }
  for (const body of everyEvent(evil)) {
    const event: JobEvent = { id: '1-1', at, ...body }
    t.notMatch(renderEvent(event, plain, 100) ?? '', controls, body.type)
  }
})

t.test('each kind of event says its thing in one line of the width, or is silent on purpose', async t => {
  const silent = everyEvent('text').filter(body => renderEvent({ id: '1-1', at, ...body }, plain, 80) === undefined)
  t.strictSame(
    silent.map(body => body.type),
    ['tool_progress', 'task', 'agent_result', 'agent_other'],
  )
  const long = renderEvent(
    { id: '1-1', at, type: 'tool_call', toolUseId: '', tool: 'Bash', input: { command: 'x'.repeat(500) } },
    plain,
    80,
  )
  t.equal(long?.length, 80)
  const tree = '/home/you/.agenticore/worktrees/01a206ea-2280-73b8-868b-21b8501b3b5f/src/a.ts'
  t.match(
    renderEvent(
      { id: '1-1', at, type: 'tool_call', toolUseId: '', tool: 'Read', input: { file_path: tree } },
      plain,
      80,
    ),
    '▶ Read src/a.ts',
  )
})

type Body<T> = T extends JobEvent ? Omit<T, 'id' | 'at'> : never

function everyEvent(text: string): Body<JobEvent>[] {
  return [
    { type: 'claimed', podName: text, attempt: 1 },
    {
      type: 'workspace_ready',
      branch: text,
      baseRef: text,
      baseSha: text,
      cached: true,
      continued: false,
      durationMs: 5,
    },
    { type: 'setup', ok: false, end: text, output: text, durationMs: 5 },
    { type: 'verify', ok: true, end: text, output: text, durationMs: 5 },
    { type: 'work_found', doneBy: 1 },
    { type: 'committed', sha: text, changedFiles: 1 },
    { type: 'nothing_changed' },
    { type: 'pushed', branch: text, sha: text, hint: text },
    { type: 'pull_request_waits', reason: text, waitMs: 5 },
    { type: 'pull_request', url: text },
    { type: 'pull_request_failed', error: text },
    { type: 'warning', message: text },
    { type: 'released', reason: text },
    { type: 'outcome', status: 'failed', errorCode: 'internal', error: text },
    {
      type: 'agent_started',
      sessionId: text,
      model: text,
      claudeVersion: text,
      tools: [text],
      permissionMode: text,
      mcpServers: [],
    },
    { type: 'message', text, truncated: false },
    { type: 'thinking', text, truncated: false },
    { type: 'tool_call', toolUseId: text, tool: text, input: { command: text } },
    { type: 'tool_result', toolUseId: text, ok: false, text, truncated: false },
    { type: 'model_retry', attempt: 1, delayMs: 5, status: 529 },
    { type: 'tool_progress', toolUseId: text, tool: text, elapsedSeconds: 5 },
    { type: 'permission_denied', toolUseId: text, tool: text, reason: text },
    { type: 'model_fallback', from: text, to: text, reason: text },
    { type: 'task', phase: text, taskId: text, text },
    { type: 'compacted' },
    {
      type: 'agent_result',
      subtype: text,
      isError: false,
      text,
      truncated: false,
      numTurns: 1,
      durationMs: 1,
      totalCostUsd: 1,
      usage: {},
      sessionId: text,
    },
    { type: 'agent_other', name: text },
  ]
}

t.test('a server that has not been heard for as long as a lease is silent, whatever it said last', async t => {
  const pod = (name: string, last_heartbeat: string, draining = false) =>
    ({ name, running: 1, capacity: 3, draining, last_heartbeat, version: '1' }) as const
  const text = renderPods(
    [
      pod('a', '2026-11-23T11:59:58.000Z'),
      pod('b', '2026-11-23T11:59:58.000Z', true),
      pod('c', '2026-11-23T11:59:00.000Z', true),
    ],
    { now: new Date(at), width: 80 },
  )
  t.same(text.match(/claiming|draining|silent/g), ['claiming', 'draining', 'silent'])
  t.match(text, /c +1\/3 +silent +1 min/)
})
