import { once } from 'node:events'
import { existsSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { type Delivery, type SentSpan, spansIn, startCollector, startGrpcCollector } from '../../test/helpers/otlp.ts'
import { openJobs } from '../../test/helpers/traced-jobs.ts'
import { until } from '../../test/helpers/until.ts'
import { AgenticoreError } from '../jobs/errors.ts'
import { type Measures, noMeasures } from '../jobs/measures.ts'
import { systemClock as clock } from '../util/clock.ts'
import type { OtlpProtocol } from './exporter.ts'
import { Otel } from './otel.ts'

const task = 'CANARY-task: fix the login bug'

async function openOtel(endpoint: string, protocol: OtlpProtocol = 'http/json') {
  const warnings: string[] = []
  const names = { serviceName: 'agenticore', serviceVersion: '1.2.3', podName: 'pod-7' }
  const warn = (message: string): void => void warnings.push(message)
  return { otel: await Otel.open({ endpoint, protocol, ...names, clock, warn }), warnings }
}

const named = (spans: readonly SentSpan[], name: string): SentSpan[] => spans.filter(span => span.name === name)

function only(spans: readonly SentSpan[], name: string): SentSpan {
  const [span, ...others] = named(spans, name)
  if (!span || others.length > 0) throw new Error(`${others.length + (span ? 1 : 0)} spans ${name}`)
  return span
}

/** What `work` traces, and what comes of it. */
async function sent<T>(t: Test, work: (otel: Otel) => Promise<T>): Promise<{ deliveries: Delivery[]; result: T }> {
  const collector = await startCollector(t)
  const { otel, warnings } = await openOtel(collector.url)
  const result = await work(otel)
  await otel.shutdown()
  t.strictSame(warnings, [])
  return { deliveries: collector.deliveries, result }
}

t.test('a job is one trace, from its submission to its delivery', async t => {
  const jobs = await openJobs(t)
  jobs.agentDoes(`echo changed >> a.txt\n${jobs.succeed}`)
  const parent = { traceId: 'ab'.repeat(16), spanId: 'cd'.repeat(8) }
  const traceparent = `00-${parent.traceId}-${parent.spanId}-01`
  // Two processes: the one that is asked for the job, and the one that runs it.
  const submission = await sent(t, tracing => jobs.submit({ task, traceparent }, { tracing }))
  const attempt = await sent(t, tracing => jobs.attempt({ tracing }))
  const [job, deliveries] = [attempt.result, [...submission.deliveries, ...attempt.deliveries]]
  t.match(job, { status: 'succeeded', changedFiles: 1 })
  for (const { path, contentType } of deliveries) {
    t.strictSame([path, contentType], ['/v1/traces', 'application/json'])
  }
  const spans = spansIn(deliveries)
  t.strictSame(
    spans.toSorted((a, b) => a.startMs - b.startMs).map(({ name }) => name),
    ['job.submit', 'job.claim', 'job.prepare', 'job.run', 'job.deliver'],
  )
  t.strictSame([...new Set(spans.map(({ traceId }) => traceId))], [parent.traceId])
  const submit = only(spans, 'job.submit')
  t.equal(submit.parentSpanId, parent.spanId)
  t.equal(job.traceparent, `00-${parent.traceId}-${submit.spanId}-01`)
  for (const span of spans) {
    t.notOk(span.failed, span.name)
    t.ok(span.startMs <= span.endMs)
    t.match(span.attributes, { 'agenticore.job.id': job.id, 'agenticore.profile': 'coding' }, span.name)
    t.match(span.resource, { 'service.name': 'agenticore', 'service.version': '1.2.3', 'service.instance.id': 'pod-7' })
    if (span !== submit) t.equal(span.parentSpanId, submit.spanId, span.name)
    if (span !== submit) t.match(span.attributes, { 'agenticore.job.attempt': 1, 'agenticore.repo.host': '127.0.0.1' })
  }
  t.match(only(spans, 'job.run').attributes, {
    'agenticore.status': 'succeeded',
    'agenticore.model': 'm-answered',
    'agenticore.turns': 2,
    'agenticore.cost_usd': 0.5,
  })
  t.notMatch(deliveries.map(({ body }) => body.toString()).join(), /CANARY|login bug/)
  t.match(jobs.agentEnvironment(), `TRACEPARENT=00-${parent.traceId}-${only(spans, 'job.run').spanId}-01\n`)
})

t.test('what fails is an error by its code alone', async t => {
  const jobs = await openJobs(t)
  const busy = { type: 'result', subtype: 'success', is_error: true, result: 'CANARY', api_error_status: 529 }
  jobs.agentDoes(`echo '${JSON.stringify(busy)}'; exit 1`)
  const { deliveries, result: job } = await sent(t, async tracing => {
    await jobs.submit({ task }, { tracing })
    await t.rejects(jobs.submit({ task: ' ' }, { tracing }), { code: 'invalid_request' })
    return await jobs.attempt({ tracing })
  })
  t.equal(job.status, 'queued')
  const spans = spansIn(deliveries)
  const [submit, refused] = named(spans, 'job.submit')
  t.match(refused, { failed: true, attributes: { 'error.type': 'invalid_request' }, parentSpanId: '' })
  t.not(refused?.traceId, submit?.traceId)
  t.match(only(spans, 'job.run'), {
    failed: true,
    attributes: { 'agenticore.status': 'failed', 'error.type': 'model_busy' },
    traceId: submit?.traceId,
  })
  t.equal(named(spans, 'job.deliver').length, 0)
  t.notMatch(deliveries.map(({ body }) => body.toString()).join(), 'CANARY')
})

t.test('an address that is none is the failure of the attempt, not of its trace', async t => {
  const jobs = await openJobs(t)
  jobs.agentDoes(jobs.succeed)
  const { deliveries, result } = await sent(t, async tracing => {
    await jobs.submit({ task, repoUrl: 'ext::CANARY' }, { tracing })
    return await jobs.attempt({ tracing })
  })
  t.match(result, { status: 'failed', errorCode: 'invalid_repo_url' })
  const prepare = only(spansIn(deliveries), 'job.prepare')
  t.match(prepare, { failed: true, attributes: { 'error.type': 'invalid_repo_url', 'agenticore.status': 'failed' } })
  t.notMatch(deliveries.map(({ body }) => body.toString()).join(), 'CANARY')
})

t.test('an attempt that is interrupted and the one that goes on are in one trace', async t => {
  const jobs = await openJobs(t)
  const running = join(t.testdirName, 'running')
  jobs.agentDoes(`touch ${running}; exec sleep 1000`)
  const first = await sent(t, async tracing => {
    await jobs.submit({ task }, { tracing })
    const controller = new AbortController()
    const attempt = jobs.attempt({ tracing }, controller.signal)
    await until(() => existsSync(running) || undefined)
    controller.abort(new Error('drain'))
    return await attempt
  })
  t.match(first.result, { status: 'queued', interruptions: 1 })
  jobs.agentDoes(jobs.succeed)
  const second = await sent(t, tracing => jobs.attempt({ tracing }))
  const before = spansIn(first.deliveries)
  t.match(only(before, 'job.run').attributes, { 'agenticore.status': 'interrupted', 'agenticore.job.fence': 1 })
  const { traceId, spanId } = only(before, 'job.submit')
  for (const name of ['job.claim', 'job.prepare', 'job.run']) {
    const span = only(spansIn(second.deliveries), name)
    t.match(span, { traceId, parentSpanId: spanId, failed: false, attributes: { 'agenticore.job.fence': 2 } }, name)
  }
})

t.test('a job that nobody traced when it was submitted is a trace from its claim on', async t => {
  const jobs = await openJobs(t)
  jobs.agentDoes(jobs.succeed)
  const submitted = await jobs.submit({ task, traceparent: 'rm -rf /' }, {})
  t.notOk('traceparent' in submitted, 'what is no traceparent is left out')
  const { deliveries } = await sent(t, tracing => jobs.attempt({ tracing }))
  const spans = spansIn(deliveries)
  const claim = only(spans, 'job.claim')
  t.equal(claim.parentSpanId, '')
  for (const name of ['job.prepare', 'job.run', 'job.deliver']) {
    t.match(only(spans, name), { traceId: claim.traceId, parentSpanId: claim.spanId })
  }
})

t.test('who takes no part in a trace hands it on', async t => {
  const jobs = await openJobs(t)
  jobs.agentDoes(jobs.succeed)
  const traceparent = `00-${'1'.repeat(32)}-${'2'.repeat(16)}-00`
  await jobs.submit({ task, traceparent }, {})
  t.equal((await jobs.attempt({})).traceparent, traceparent)
  t.match(jobs.agentEnvironment(), `TRACEPARENT=${traceparent}\n`)
  t.notMatch(jobs.agentEnvironment(), 'CLAUDE_CODE_ENABLE_TELEMETRY')
})

t.test('claude is told where to send its own', async t => {
  const jobs = await openJobs(t)
  jobs.agentDoes(jobs.succeed)
  await jobs.submit({ task }, {})
  const agentTelemetry = {
    endpoint: 'http://collector:4317',
    protocol: 'grpc',
    logPrompts: false,
    logToolDetails: true,
  } as const
  await jobs.attempt({ agentTelemetry })
  for (const line of [
    'CLAUDE_CODE_ENABLE_TELEMETRY=1',
    'OTEL_METRICS_EXPORTER=otlp',
    'OTEL_LOGS_EXPORTER=otlp',
    'OTEL_EXPORTER_OTLP_PROTOCOL=grpc',
    'OTEL_EXPORTER_OTLP_ENDPOINT=http://collector:4317',
    'OTEL_LOG_USER_PROMPTS=0',
    'OTEL_LOG_TOOL_DETAILS=1',
  ]) {
    t.ok(jobs.agentEnvironment().split('\n').includes(line), line)
  }
})

t.test('an attempt is measured on its way', async t => {
  const jobs = await openJobs(t)
  const renewed = join(t.testdirName, 'renewed')
  jobs.agentDoes(`until [ -e ${renewed} ]; do sleep 0.01; done; ${jobs.succeed}`)
  const seen: string[] = []
  const measures: Measures = {
    ...noMeasures,
    submitted: () => void seen.push('submitted'),
    leaseRenewed: ok => {
      seen.push(`renewed ${ok}`)
      writeFileSync(renewed, '')
    },
    workspaceReady: (ms, cached) => void seen.push(`workspace ${ms > 0} ${cached}`),
    modelRetried: status => void seen.push(`retried ${status}`),
  }
  await jobs.submit({ task, idempotencyKey: 'k' }, { measures })
  await jobs.submit({ task, idempotencyKey: 'k' }, { measures })
  await jobs.attempt({ measures })
  t.strictSame(new Set(seen), new Set(['submitted', 'workspace true false', 'renewed true', 'retried 529']))
  t.equal(seen.filter(what => what === 'submitted').length, 1, 'asked for twice is one job')
})

for (const [protocol, start, path] of [
  ['http/protobuf', startCollector, '/v1/traces'],
  ['grpc', startGrpcCollector, '/opentelemetry.proto.collector.trace.v1.TraceService/Export'],
] as const) {
  t.test(`spans are sent by ${protocol}`, async t => {
    const collector = await start(t)
    const { otel, warnings } = await openOtel(collector.url, protocol)
    await otel.span('job.submit', {}, async () => undefined)
    await otel.shutdown()
    const [delivery, ...others] = collector.deliveries
    t.equal(others.length, 0)
    t.equal(delivery?.path, path)
    t.equal(delivery?.contentType, protocol === 'grpc' ? 'application/grpc' : 'application/x-protobuf')
    for (const text of ['job.submit', 'agenticore', 'pod-7']) t.ok(delivery?.body.includes(text), text)
    t.strictSame(warnings, [])
  })
}

t.test('an endpoint that is not there, or does not answer, is said once and disturbs nothing', async t => {
  const free = createServer().listen(0, '127.0.0.1')
  await once(free, 'listening')
  const address = free.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  await new Promise(resolve => free.close(resolve))
  const silent = await startCollector(t, { silent: true })
  const endpoints = [`http://127.0.0.1:${port}`, silent.url].flatMap(url =>
    (['http/json', 'http/protobuf', 'grpc'] as const).map(protocol => [url, protocol] as const),
  )
  const ends = endpoints.map(async ([url, protocol]) => {
    const { otel, warnings } = await openOtel(url, protocol)
    t.equal(await otel.span('job.submit', {}, async () => 'done'), 'done')
    const failing = otel.span('job.run', {}, () => Promise.reject(new AgenticoreError('timeout', 'late')))
    await t.rejects(failing, { code: 'timeout' })
    const started = performance.now()
    await otel.shutdown()
    t.ok(performance.now() - started < 5500, `${protocol} ${url}: ${performance.now() - started} ms`)
    t.equal(warnings.length, 1, `${protocol} ${url}: ${warnings}`)
    t.match(warnings[0], `Traces do not get to ${new URL(url).host}: `)
    t.notMatch(warnings[0], 'http://')
  })
  await Promise.all(ends)
})
