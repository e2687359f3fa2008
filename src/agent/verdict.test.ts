import t from 'tap'
import { AgenticoreError } from '../jobs/errors.ts'
import type { AgentVerdict } from '../jobs/events.ts'
import { judge } from './verdict.ts'

const verdict = (given: Partial<AgentVerdict> = {}): AgentVerdict => ({
  subtype: 'success',
  isError: false,
  text: 'done',
  truncated: false,
  numTurns: 1,
  durationMs: 1,
  totalCostUsd: 0,
  usage: {},
  sessionId: 's',
  ...given,
})

t.test('success takes both: exit code 0, and a last result that is one', async t => {
  const ended = (exitCode: number | undefined, more = {}) => ({
    ...(exitCode === undefined ? {} : { exitCode }),
    missing: false,
    stderr: '',
    ...more,
  })
  t.equal(judge(ended(0), verdict(), undefined), undefined)
  for (const [what, end, said, code, message] of [
    ['turn limit', ended(1), verdict({ subtype: 'error_max_turns', isError: true }), 'max_turns', /turn limit/],
    ['budget', ended(1), verdict({ subtype: 'error_max_budget_usd', isError: true }), 'max_budget', /budget/],
    [
      'model 400',
      ended(1),
      verdict({ isError: true, apiErrorStatus: 400, text: 'bad' }),
      'model_error',
      /answered 400: bad/,
    ],
    ['model 400, exit 0', ended(0), verdict({ isError: true, apiErrorStatus: 400 }), 'model_error', /400/],
    [
      'an error result',
      ended(1),
      verdict({ subtype: 'error_during_execution', isError: true, text: '' }),
      'agent_failed',
      /error_during_execution/,
    ],
    ['an unknown subtype', ended(0), verdict({ subtype: 'mystery' }), 'agent_failed', /error/],
    [
      'a bad flag',
      ended(1, { stderr: 'error: unknown option' }),
      undefined,
      'agent_no_result',
      /exited with 1 without a result: error: unknown option/,
    ],
    ['exit 0 without a result', ended(0), undefined, 'agent_no_result', /exited with 0/],
    ['SIGTERM', ended(143), undefined, 'agent_no_result', /exited with 143/],
    ['SIGKILL', ended(undefined, { signal: 'SIGKILL' }), undefined, 'agent_no_result', /ended by SIGKILL/],
    [
      'success without a turn',
      ended(0),
      verdict({ numTurns: 0, text: 'UserPromptSubmit operation blocked by hook:\nno' }),
      'prompt_blocked',
      /took no turn: UserPromptSubmit operation blocked by hook:\nno/,
    ],
    ['success, but exit 1', ended(1), verdict(), 'agent_failed', /reported success, but exited with 1/],
    [
      'success, but killed',
      ended(undefined, { signal: 'SIGKILL' }),
      verdict(),
      'agent_failed',
      /reported success, but was ended/,
    ],
  ] as const) {
    t.match(judge(end, said, undefined), { code, message }, what)
  }
  const late = new AgenticoreError('timeout', 'too late')
  t.match(judge(ended(0), verdict(), late), { code: 'timeout', message: 'too late' }, 'what we stopped is no success')
  t.match(judge(ended(0), verdict(), new Error('interrupted')), { code: 'interrupted' })
})
