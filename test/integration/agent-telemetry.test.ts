import { join } from 'node:path'
import t, { type Test } from 'tap'
import { Claude } from '../../src/agent/claude.ts'
import type { AgentTelemetry } from '../../src/agent/telemetry.ts'
import { systemClock as clock } from '../../src/util/clock.ts'
import { startModel } from '../fixtures/model/server.ts'
import { claudeBinary } from '../helpers/claude-binary.ts'
import { newJob } from '../helpers/jobs.ts'
import { startCollector } from '../helpers/otlp.ts'
import { plainProfile, plainProfiles } from '../helpers/profiles.ts'
import { never } from '../helpers/repos.ts'

const apiKey = 'sk-ant-telemetry-0123456789'
const traceId = 'ab'.repeat(16)

/** What the real Claude Code makes of a task when it is told to send its telemetry there. */
async function runClaude(t: Test, where: Pick<AgentTelemetry, 'endpoint' | 'protocol'>) {
  const tool = { name: 'Bash', input: { command: 'env' } }
  const model = await startModel({ require_key: apiKey, scripts: [{ turns: [{ tools: [tool] }, { text: 'ok' }] }] })
  t.teardown(() => model.close())
  const dir = t.testdir({ config: {}, scratch: {}, tree: {} })
  const [cwd, configDir, scratch] = ['tree', 'config', 'scratch'].map(name => join(dir, name))
  if (cwd === undefined || configDir === undefined || scratch === undefined) throw new Error('no place')
  await plainProfiles.materialize(plainProfile, { directory: configDir })
  const isRoot = process.getuid?.() === 0
  const claude = new Claude({
    binary: claudeBinary(),
    credentials: { apiKey, authToken: '', oauthToken: '', baseUrl: model.url, cloud: {} },
    host: { path: process.env.PATH ?? '', authorName: 'a', authorEmail: 'a@b', network: {}, isRoot },
    timeoutSeconds: 60,
    clock,
    redact: text => text,
    telemetry: { ...where, logPrompts: false, logToolDetails: false },
  })
  const request = {
    job: newJob(new Date()),
    cwd,
    configDir,
    scratch,
    prompt: 'CANARY-task',
    briefing: '',
    sessionId: crypto.randomUUID(),
    resume: false,
    profile: plainProfile,
    marker: `telemetry-${process.pid}`,
    traceparent: `00-${traceId}-${'cd'.repeat(8)}-01`,
  }
  await claude.prepare(request)
  let environment = ''
  const result = await claude.run(request, {
    signal: never,
    onStart: async () => undefined,
    async onEvent(event) {
      if (event.type === 'tool_result') environment += event.text
    },
  })
  return { result, environment }
}

t.test('claude sends its figures and logs, in the trace of its job and without the task', async t => {
  const collector = await startCollector(t)
  const { result, environment } = await runClaude(t, { endpoint: collector.url, protocol: 'http/json' })
  t.match(result, { facts: { output: 'ok' } })
  t.notOk(result.failure)
  t.strictSame(new Set(collector.deliveries.map(({ path }) => path)), new Set(['/v1/logs', '/v1/metrics']))
  const sent = collector.deliveries.map(({ body }) => body.toString()).join('\n')
  t.match(sent, 'claude_code.token.usage')
  t.match(sent, `"traceId":"${traceId}"`)
  t.notMatch(sent, 'CANARY')
  t.match(environment, `TRACEPARENT=00-${traceId}`, 'what its tools start is in the trace, too')
  t.notMatch(environment, collector.url, "a project's own telemetry is its own affair")
})

t.test('a collector that is not there, or does not answer, costs the job nothing but a moment', async t => {
  const silent = await startCollector(t, { silent: true })
  for (const where of [
    { endpoint: silent.url, protocol: 'http/protobuf' },
    { endpoint: 'http://127.0.0.1:9', protocol: 'grpc' },
  ] as const) {
    const { result } = await runClaude(t, where)
    t.match(result, { facts: { output: 'ok', exitCode: 0 } }, where.protocol)
    t.notOk(result.failure)
  }
})
