import { chmodSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { ManualClock } from '../../test/helpers/clock.ts'
import { newJob } from '../../test/helpers/jobs.ts'
import { processesWith } from '../../test/helpers/processes.ts'
import { plainProfile } from '../../test/helpers/profiles.ts'
import { until } from '../../test/helpers/until.ts'
import { type Clock, systemClock } from '../util/clock.ts'
import { Claude } from './claude.ts'
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
