import { join } from 'node:path'
import t from 'tap'
import { endOf, fleet, submitTo } from '../helpers/fleet.ts'

t.test('servers whose clocks are an hour ahead and behind share jobs with one whose clock is right', async t => {
  const world = await fleet(t, { agent: 'obeys', env: { AGENTICORE_MAX_PARALLEL_JOBS: '1' } })
  const off = (hours: number) => ({
    env: {
      NODE_OPTIONS: `--import=${join(import.meta.dirname, '../fixtures/clock/wrong.ts')}`,
      CLOCK_OFF_MS: String(hours * 3_600_000),
    },
  })
  const right = await world.pod('right')
  const pods = [right, await world.pod('ahead', off(1)), await world.pod('behind', off(-1))]
  const gate = world.gate()
  const startMs = Date.now()
  // Each of them is told of some, and runs some.
  const asks = { queue_ttl_seconds: 600, ttl_seconds: 600 }
  const ids = await Promise.all([...pods, ...pods].map(pod => submitTo(pod, gate.task, asks)))
  await gate.begun(3)
  gate.open()
  const jobs = await Promise.all(ids.map(id => endOf(right, id)))
  t.strictSame([...new Set(jobs.map(job => job.pod_name))].sort(), ['ahead', 'behind', 'right'])
  for (const job of jobs) {
    t.match(job, { status: 'succeeded', fence: 1 })
    const times = ['created_at', 'started_at', 'ended_at'].map(name => Date.parse(job[name]) - startMs)
    t.ok(Math.min(...times) > -1000 && Math.max(...times) < Date.now() - startMs + 1000, `${times} ms from the start`)
  }
  for (const pod of pods) t.equal((await pod.request('GET', '/ready')).status, 200)
})
