import { chmodSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { ManualClock } from '../../test/helpers/clock.ts'
import { newJob } from '../../test/helpers/jobs.ts'
import { processesWith } from '../../test/helpers/processes.ts'
import { plainProfile } from '../../test/helpers/profiles.ts'
import { until } from '../../test/helpers/until.ts'
import { AgenticoreError } from '../jobs/errors.ts'
import type { AgentVerdict } from '../jobs/events.ts'
import { type Clock, systemClock } from '../util/clock.ts'
import { Claude } from './claude.ts'
import { accessFor } from './credentials.ts'
import { agentFiles } from './files.ts'
import { agentArguments, agentEnvironment } from './invocation.ts'
import { judge } from './verdict.ts'
import { isOlder, parseVersion } from './version.ts'

const plainRequest = {
  job: newJob(new Date()),
  cwd: '/',
  prompt: 'x',
  briefing: '',
  sessionId: 's',
  resume: false,
  profile: plainProfile,
  configDir: '/config',
}

const line = (event: object): string => JSON.stringify(event)

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

t.test('the task, the briefing and secrets are in no argument; nothing is inherited', async t => {
  const job = newJob(new Date(), { task: 'CANARY-task', model: 'm', maxTurns: 3, maxBudgetUsd: 0.5 })
  const request = {
    job,
    cwd: '/tree',
    prompt: 'CANARY-task',
    briefing: 'CANARY-briefing',
    sessionId: 'sid',
    resume: false,
    profile: plainProfile,
    configDir: '/config',
    marker: 'id/1',
    scratch: '/scratch',
  }
  const files = agentFiles(request)
  const args = agentArguments(request, files)
  t.notMatch(args.join('\0'), 'CANARY')
  const joined = args.join(' ')
  for (const part of [
    '-p --output-format stream-json --verbose',
    '--setting-sources user',
    '--strict-mcp-config',
    '--add-dir /tree',
    '--session-id sid',
    '--model m',
    '--max-turns 3',
    '--max-budget-usd 0.5',
  ]) {
    t.match(joined, part)
  }
  t.notMatch(agentArguments({ ...request, job: newJob(new Date()) }, files).join(' '), /--model|--max-/)
  const host = { path: '/bin', authorName: 'a', authorEmail: 'a@b', network: { HTTPS_PROXY: 'p' }, isRoot: false }
  const env = agentEnvironment(request, files, host)
  t.match(env, {
    HOME: '/scratch/home',
    CLAUDE_CONFIG_DIR: '/scratch/claude',
    TMPDIR: '/scratch/tmp',
    PATH: '/bin',
    HTTPS_PROXY: 'p',
    GIT_CEILING_DIRECTORIES: '/:/scratch',
    AGENTICORE_JOB_MARKER: 'id/1',
  })
  t.equal(env.IS_SANDBOX, undefined)
  t.equal(agentEnvironment(request, files, { ...host, isRoot: true }).IS_SANDBOX, '1')
})

t.test('the first credential that is set is used; keys go by descriptor', async t => {
  const none = { apiKey: '', authToken: '', oauthToken: '', baseUrl: '', cloud: {} }
  const all = {
    apiKey: 'sk-ant-api03-k',
    authToken: 't',
    oauthToken: 'o',
    baseUrl: 'http://m',
    cloud: { CLAUDE_CODE_USE_BEDROCK: '1' },
  }
  t.strictSame(accessFor(all), {
    env: { ANTHROPIC_BASE_URL: 'http://m', CLAUDE_CODE_API_KEY_FILE_DESCRIPTOR: '5' },
    descriptors: new Map([[5, 'sk-ant-api03-k']]),
  })
  t.strictSame(accessFor({ ...all, apiKey: '' }).env, { ANTHROPIC_BASE_URL: 'http://m', ANTHROPIC_AUTH_TOKEN: 't' })
  t.strictSame(accessFor({ ...none, oauthToken: 'o' }), {
    env: { CLAUDE_CODE_OAUTH_TOKEN_FILE_DESCRIPTOR: '5' },
    descriptors: new Map([[5, 'o']]),
  })
  for (const [given, variable] of [
    ['sk-ant-api03-x', 'CLAUDE_CODE_API_KEY_FILE_DESCRIPTOR'],
    ['sk-ant-oat01-x', 'CLAUDE_CODE_OAUTH_TOKEN_FILE_DESCRIPTOR'],
  ] as const) {
    t.strictSame(
      accessFor({ ...none, apiKey: given }),
      { env: { [variable]: '5' }, descriptors: new Map([[5, given]]) },
      `what is in the place of a key: ${given}`,
    )
  }
  t.strictSame(accessFor({ ...none, apiKey: 'of-a-gateway', oauthToken: 'o' }).env, {
    ANTHROPIC_AUTH_TOKEN: 'of-a-gateway',
  })
  t.strictSame(accessFor({ ...none, cloud: all.cloud }).env, all.cloud)
  t.throws(() => accessFor(none), { code: 'no_model_credentials' })
})

t.test('versions are compared as numbers', async t => {
  t.equal(parseVersion('2.1.330 (Claude Code)'), '2.1.330')
  t.equal(parseVersion('welcome'), undefined)
  for (const [version, older] of [
    ['2.1.196', true],
    ['2.1.197', false],
    ['2.1.1000', false],
    ['2.0.999', true],
    ['10.0.0', false],
    ['1.99.99', true],
  ] as const) {
    t.equal(isOlder(version, '2.1.197'), older, version)
  }
})

/** A Claude whose binary is a shell script. */
function fakeClaude(t: Test, script: string, clock: Clock = systemClock): Claude {
  const binary = join(t.testdir({ claude: `#!/bin/sh\n${script}\n` }), 'claude')
  chmodSync(binary, 0o755)
  const host = { path: process.env.PATH ?? '', authorName: 'a', authorEmail: 'a@b', network: {}, isRoot: false }
  const credentials = { apiKey: 'k', authToken: '', oauthToken: '', baseUrl: '', cloud: {} }
  return new Claude({ binary, credentials, host, timeoutSeconds: 60, clock, redact: text => text })
}

t.test('a claude that never says its version is given up', async t => {
  const clock = new ManualClock()
  const checking = fakeClaude(t, 'sleep 1000', clock).check(new AbortController().signal)
  await clock.slept()
  clock.advance(30_000)
  await t.rejects(checking, { code: 'claude_missing', message: /did not answer within 30 s/ })
})

t.test('where nobody can listen any more, nobody works on', async t => {
  const full = Object.assign(new Error('no space left'), { code: 'ENOSPC' })
  const fails = async (): Promise<void> => {
    throw full
  }
  const fine = async (): Promise<void> => undefined
  for (const [name, onStart, onEvent] of [
    ['the start', fails, fine],
    ['an event', fine, fails],
  ] as const) {
    const claude = fakeClaude(t, `while :; do echo '{"type":"tick"}'; sleep 0.01; done`)
    const marker = `nobody-${process.pid}/${name}`
    const scratch = join(t.testdirName, 'scratch')
    const options = { signal: new AbortController().signal, onStart, onEvent }
    await t.rejects(claude.run({ ...plainRequest, marker, scratch }, options), full, name)
    t.strictSame(processesWith(marker), [], `${name}: nothing is left`)
  }
})

t.test('what an agent leaves behind ends with it, however long it takes to say that it was started', async t => {
  const marker = `behind-${process.pid}`
  const result = line({ type: 'result', subtype: 'success', is_error: false, result: 'ok', num_turns: 1 })
  const claude = fakeClaude(t, `(exec >/dev/null 2>&1; while :; do sleep 0.01; done) & echo '${result}'`)
  const said = Promise.withResolvers<void>()
  const started = Promise.withResolvers<void>()
  const running = claude.run(
    { ...plainRequest, marker, scratch: join(t.testdirName, 'scratch') },
    {
      signal: new AbortController().signal,
      onStart: async () => {
        started.resolve()
        await said.promise
      },
      onEvent: async () => undefined,
    },
  )
  await started.promise
  await until(() => processesWith(marker).length === 0 || undefined)
  said.resolve()
  t.match(await running, { facts: { output: 'ok' } })
})

t.test('a session id that is none does not become the name of a file', async t => {
  const said = { result: 'ok', num_turns: 1, session_id: '../../../etc/x' }
  const result = { type: 'result', subtype: 'success', is_error: false, ...said }
  const claude = fakeClaude(t, `echo '${JSON.stringify(result)}'`)
  const request = {
    ...plainRequest,
    sessionId: crypto.randomUUID(),
    marker: `session-${process.pid}`,
    scratch: join(t.testdirName, 'scratch'),
  }
  const nothing = async (): Promise<void> => undefined
  const options = { signal: new AbortController().signal, onStart: nothing, onEvent: nothing }
  const { facts, failure } = await claude.run(request, options)
  t.match(facts, { output: 'ok' })
  t.notOk(failure)
  t.notOk('sessionId' in facts)
})

t.test('what an earlier agent left as a link is replaced, not followed', async t => {
  const claude = fakeClaude(t, 'true')
  const [scratch, configDir, outside] = ['scratch', 'config', 'outside'].map(name => join(t.testdirName, name))
  for (const path of [scratch, join(configDir ?? '', '.claude/skills'), join(outside ?? '', 'skills')]) {
    mkdirSync(path ?? '', { recursive: true })
  }
  const precious = join(outside ?? '', 'precious')
  writeFileSync(precious, 'precious')
  writeFileSync(join(configDir ?? '', '.claude/skills/s.md'), 's')
  symlinkSync(precious, join(scratch ?? '', 'briefing.md'))
  symlinkSync(outside ?? '', join(scratch ?? '', 'claude'))
  await claude.prepare({
    job: newJob(new Date()),
    cwd: '/',
    prompt: 'x',
    briefing: 'BRIEFING',
    sessionId: 's',
    resume: false,
    profile: plainProfile,
    configDir: configDir ?? '',
    marker: 'm',
    scratch: scratch ?? '',
  })
  t.equal(readFileSync(precious, 'utf8'), 'precious')
  t.same(readdirSync(outside ?? '').sort(), ['precious', 'skills'])
  t.same(readdirSync(join(outside ?? '', 'skills')), [])
  t.equal(readFileSync(join(scratch ?? '', 'briefing.md'), 'utf8'), 'BRIEFING')
  t.same(readdirSync(join(scratch ?? '', 'claude/skills')), ['s.md'])
})

t.test('a result that another turn follows is not the last word', async t => {
  const result = line({ type: 'result', subtype: 'success', is_error: false, result: 'first part', num_turns: 1 })
  const turn = line({
    type: 'assistant',
    message: { content: [{ type: 'tool_use', id: 'u', name: 'Bash', input: {} }] },
  })
  const request = {
    job: newJob(new Date()),
    cwd: '/',
    prompt: 'x',
    briefing: '',
    sessionId: crypto.randomUUID(),
    resume: false,
    profile: plainProfile,
    configDir: '/config',
    marker: `turns-${process.pid}`,
    scratch: join(t.testdirName, 'scratch'),
  }
  const nothing = async (): Promise<void> => undefined
  const options = { signal: new AbortController().signal, onStart: nothing, onEvent: nothing }
  const cut = await fakeClaude(t, `echo '${result}'; echo '${turn}'`).run(request, options)
  t.match(cut.failure, { code: 'agent_no_result' })
  const whole = await fakeClaude(t, `echo '${result}'; echo '${turn}'; echo '${result}'`).run(request, options)
  t.notOk(whole.failure)
})
