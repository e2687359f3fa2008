import t from 'tap'
import { ManualClock } from '../../test/helpers/clock.ts'
import { newJob } from '../../test/helpers/jobs.ts'
import { parseExposition } from '../../test/helpers/prometheus.ts'
import type { ErrorCode } from '../jobs/errors.ts'
import type { Job } from '../jobs/job.ts'
import { BoundedLabels } from './bounded-labels.ts'
import { counters, gauges, timings } from './metrics.ts'
import { Prometheus, type Stats } from './prometheus.ts'

const clock = new ManualClock()
const idle: Stats = {
  queued: 0,
  running: 0,
  queueDepth: 0,
  queueHeadAgeSeconds: 0,
  slots: { capacity: 1, running: 0 },
  draining: false,
}
const ended = (facts: Partial<Job>): Job => ({ ...newJob(new Date()), status: 'succeeded', ...facts })

async function samplesOf(prometheus: Prometheus) {
  const { samples } = parseExposition(await prometheus.text())
  return (series: string): number | undefined => samples.get(series)
}

t.test('what happened is counted and timed', async t => {
  const prometheus = new Prometheus({ stats: async () => idle, clock })
  prometheus.submitted()
  prometheus.submitted()
  prometheus.claimed(70)
  prometheus.claimed(20_000)
  const usage = { input_tokens: 10, output_tokens: 5 }
  prometheus.ended(ended({ durationMs: 90_000, totalCostUsd: 0.25, numTurns: 3, usage }))
  prometheus.ended(ended({ status: 'failed', errorCode: 'timeout', durationMs: 4000, totalCostUsd: 0.5, usage }))
  prometheus.ended(ended({ status: 'cancelled' }))
  prometheus.leaseRenewed(true)
  prometheus.leaseRenewed(false)
  prometheus.lockWaited(30)
  prometheus.gitRan('fetch', 800, true)
  prometheus.gitRan('fetch', 200, false)
  prometheus.workspaceReady(400, true)
  prometheus.modelRetried(529)
  prometheus.modelRetried(undefined)
  const of = await samplesOf(prometheus)
  for (const [series, value] of [
    ['agenticore_jobs_submitted_total', 2],
    ['agenticore_job_wait_seconds_count', 2],
    ['agenticore_job_wait_seconds_sum', 20.07],
    ['agenticore_job_wait_seconds_bucket{le="0.1"}', 1],
    ['agenticore_job_wait_seconds_bucket{le="60"}', 2],
    ['agenticore_jobs_ended_total{status="succeeded",reason="succeeded"}', 1],
    ['agenticore_jobs_ended_total{status="failed",reason="timeout"}', 1],
    ['agenticore_jobs_ended_total{status="cancelled",reason="cancelled"}', 1],
    ['agenticore_job_run_seconds_sum{status="succeeded"}', 90],
    ['agenticore_job_run_seconds_bucket{le="60",status="succeeded"}', 0],
    ['agenticore_job_run_seconds_bucket{le="120",status="succeeded"}', 1],
    ['agenticore_job_run_seconds_count{status="cancelled"}', undefined],
    ['agenticore_tokens_total{kind="input_tokens"}', 20],
    ['agenticore_tokens_total{kind="output_tokens"}', 10],
    ['agenticore_cost_usd_total', 0.75],
    ['agenticore_turns_total', 3],
    ['agenticore_lease_renewals_total{result="ok"}', 1],
    ['agenticore_lease_renewals_total{result="failed"}', 1],
    ['agenticore_lock_wait_seconds_sum', 0.03],
    ['agenticore_git_seconds_sum{command="fetch",result="ok"}', 0.8],
    ['agenticore_git_seconds_count{command="fetch",result="failed"}', 1],
    ['agenticore_workspace_ready_seconds_count{cached="true"}', 1],
    ['agenticore_model_retries_total{status="529"}', 1],
    ['agenticore_model_retries_total{status="none"}', 1],
  ] as const) {
    t.equal(of(series), value, series)
  }
})

t.test('how things stand is asked at each scrape; what is not to be had is left out', async t => {
  const answers: (() => Promise<Stats>)[] = [
    async () => ({
      queued: 7,
      running: 2,
      queueDepth: 5,
      queueHeadAgeSeconds: 12.5,
      slots: { capacity: 4, running: 2 },
      draining: true,
    }),
    () => Promise.reject(new Error('the store is gone')),
    async () => idle,
  ]
  const prometheus = new Prometheus({ stats: () => answers.shift()?.() ?? Promise.reject(new Error('asked')), clock })
  const first = await samplesOf(prometheus)
  for (const [series, value] of [
    ['agenticore_jobs{state="queued"}', 7],
    ['agenticore_jobs{state="running"}', 2],
    ['agenticore_queue_depth', 5],
    ['agenticore_queue_head_age_seconds', 12.5],
    ['agenticore_slots_capacity', 4],
    ['agenticore_slots_running', 2],
    ['agenticore_draining', 1],
    ['agenticore_store_up', 1],
  ] as const) {
    t.equal(first(series), value, series)
  }
  const second = await samplesOf(prometheus)
  t.equal(second('agenticore_store_up'), 0)
  for (const series of ['agenticore_jobs{state="queued"}', 'agenticore_queue_depth', 'agenticore_draining']) {
    t.equal(second(series), undefined, series)
  }
  t.equal(second('agenticore_jobs_submitted_total'), 0, 'the other figures are there')
  t.equal((await samplesOf(prometheus))('agenticore_store_up'), 1)
})

t.test('a store that does not answer holds no scrape up', async t => {
  const prometheus = new Prometheus({ stats: () => new Promise(() => undefined), clock })
  const scraping = samplesOf(prometheus)
  await clock.slept()
  clock.advance(5000)
  t.equal((await scraping)('agenticore_store_up'), 0)
})

t.test('values from elsewhere neither multiply the series nor break anything', async t => {
  const prometheus = new Prometheus({ stats: async () => idle, clock })
  for (let n = 0; n < 30; n++) prometheus.ended(ended({ usage: { [`kind "${n}"\n\\`]: 1 } }))
  for (let n = 0; n < 80; n++) prometheus.gitRan(`command-${n}`, 1, true)
  // Of a record that a later version has written.
  const later: ErrorCode = JSON.parse('"error_of_2031"')
  prometheus.ended(ended({ status: 'failed', errorCode: later }))
  prometheus.ended(ended({ usage: { odd: -1 }, totalCostUsd: Number.NaN, numTurns: -3, durationMs: -5 }))
  prometheus.claimed(-1000)
  const { samples } = parseExposition(await prometheus.text())
  const count = (start: string): number => [...samples.keys()].filter(series => series.startsWith(start)).length
  t.equal(count('agenticore_tokens_total'), 21)
  t.equal(samples.get('agenticore_tokens_total{kind="other"}'), 10)
  t.equal(count('agenticore_git_seconds_count'), 51)
  t.equal(samples.get('agenticore_jobs_ended_total{status="failed",reason="other"}'), 1)
  t.equal(samples.get('agenticore_cost_usd_total'), 0)
  t.equal(samples.get('agenticore_job_wait_seconds_sum'), 0)
})

t.test('names, types and units are as Prometheus wants them', async t => {
  const prometheus = new Prometheus({ stats: async () => idle, clock })
  t.equal(prometheus.contentType, 'text/plain; version=0.0.4; charset=utf-8')
  const { types } = parseExposition(await prometheus.text())
  const expected = [
    ...Object.values(counters).map(({ name }) => [name, 'counter', /^agenticore_[a-z_]+_total$/] as const),
    ...Object.values(timings).map(({ name }) => [name, 'histogram', /^agenticore_[a-z_]+_seconds$/] as const),
    ...Object.values(gauges).map(({ name }) => [name, 'gauge', /^agenticore_(?!.*_total$)[a-z_]+$/] as const),
  ]
  for (const [name, type, pattern] of expected) {
    t.equal(types.get(name), type, name)
    t.match(name, pattern)
  }
  const ours = [...types.keys()].filter(name => name.startsWith('agenticore_'))
  t.strictSame(ours.toSorted(), expected.map(([name]) => name).toSorted(), 'every one is defined')
  for (const name of ['process_resident_memory_bytes', 'process_cpu_seconds_total', 'nodejs_eventloop_lag_p99_seconds'])
    t.ok(types.has(name), name)
  for (const { name, buckets } of Object.values(timings))
    t.strictSame(
      buckets,
      buckets.toSorted((a, b) => a - b),
      name,
    )
})

t.test('labels are bounded by what came first', async t => {
  const labels = new BoundedLabels(2)
  t.strictSame(
    ['a', 'b', 'c', 'a', 'd'].map(value => labels.of(value)),
    ['a', 'b', 'other', 'a', 'other'],
  )
})
