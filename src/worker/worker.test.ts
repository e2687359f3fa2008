import t from 'tap'
import { ManualClock } from '../../test/helpers/clock.ts'
import { newJob } from '../../test/helpers/jobs.ts'
import { AgenticoreError } from '../jobs/errors.ts'
import type { Job } from '../jobs/job.ts'
import type { Lease } from '../jobs/ports.ts'
import { claimed, finished, released } from '../jobs/states.ts'
import { drain } from './drain.ts'
import { Worker } from './worker.ts'

const at = new Date('2026-11-23T12:00:00Z')
const settled = (): Promise<void> => new Promise(resolve => setImmediate(() => setImmediate(resolve)))

interface Running {
  readonly lease: Lease
  readonly signal: AbortSignal
  end(): void
  fail(error: unknown): void
}

/** A worker over a queue in memory, whose jobs run until they are told to end, or are handed over. */
function working({ jobs = 0, capacity = 2 }: { jobs?: number; capacity?: number } = {}) {
  const clock = new ManualClock()
  const queue: Job[] = Array.from({ length: jobs }, () => newJob(at))
  const running: Running[] = []
  const warnings: string[] = []
  const over: string[] = []
  const world = {
    obstacle: undefined as string | undefined,
    trouble: undefined as Error | undefined,
    refusals: [] as Error[],
    claims: 0,
  }
  const worker = new Worker({
    clock,
    podName: 'pod',
    capacity,
    lookEveryMs: 1000,
    store: {
      async claim({ podName }) {
        world.claims += 1
        if (world.trouble) throw world.trouble
        const job = queue.shift()
        const running = job && claimed(job, { fence: job.fence + 1, podName, bootId: 'boot', at })
        return running && { job: running, fence: running.fence }
      },
      async release({ job }, notBefore) {
        const refusal = world.refusals.shift()
        if (refusal) throw refusal
        const back = released(job, { at, ...(notBefore ? { notBefore } : {}) })
        queue.unshift(back)
        return back
      },
    },
    run: (lease, signal) =>
      new Promise((resolve, reject) => {
        const end = (): void => resolve(finished(lease.job, { status: 'succeeded', facts: {} }, at))
        running.push({ lease, signal, end, fail: reject })
        signal.addEventListener('abort', () => resolve(released(lease.job, { at })), { once: true })
      }),
    obstacle: async () => world.obstacle,
    claimed: () => undefined,
    over: job => over.push(job.status),
    warn: message => warnings.push(message),
    random: () => 0,
  })
  worker.start()
  return { worker, clock, queue, running, warnings, over, world }
}

t.test('as many run as may, the next one starts when one ends', async t => {
  const { worker, queue, running, over } = working({ jobs: 4 })
  await settled()
  t.strictSame([running.length, queue.length, worker.running], [2, 2, 2])
  running[0]?.end()
  await settled()
  t.strictSame([running.length, queue.length, worker.running], [3, 1, 2])
  t.strictSame(over, ['succeeded'])
  await worker.handOver()
})

t.test(
  'where many wait more are asked for at a time, never more than there are places; where none waits, one',
  async t => {
    const { worker, running, world } = working({ jobs: 9, capacity: 8 })
    await settled()
    t.strictSame([running.length, worker.running], [8, 8])
    t.equal(world.claims, 8)
    for (const { end } of running.slice(0, 4)) end()
    await settled()
    t.strictSame([running.length, world.claims], [9, 8 + 2 + 1], 'two, and after one that came back empty one')
    worker.wake()
    await settled()
    t.equal(world.claims, 8 + 2 + 1 + 1)
    await worker.handOver()
  },
)

t.test('a job that comes is claimed when the worker is told, or when it looks again', async t => {
  const { worker, queue, running, clock } = working()
  await settled()
  queue.push(newJob(at))
  worker.wake()
  await settled()
  t.equal(running.length, 1)
  queue.push(newJob(at))
  await settled()
  t.equal(running.length, 1, 'nobody has told')
  clock.advance(1000)
  await settled()
  t.equal(running.length, 2)
  await worker.handOver()
})

t.test('from the first moment of a drain no job is started, not even one whose claim is under way', async t => {
  const { worker, queue, running } = working({ jobs: 2, capacity: 1 })
  await settled()
  const draining = worker.drain()
  t.equal(worker.isDraining, true)
  queue.push(newJob(at))
  running[0]?.end()
  await draining
  t.strictSame([running.length, queue.length, worker.running], [1, 2, 0])

  const other = working({ jobs: 1 })
  // The loop has asked for a job, and has no answer yet.
  await other.worker.drain()
  t.strictSame([other.running.length, other.queue.length], [0, 1])
  t.equal(other.queue[0]?.status, 'queued')
})

t.test('handing over stops what runs, and gives it back', async t => {
  const { worker, over, running } = working({ jobs: 2 })
  await settled()
  await worker.handOver()
  t.ok(running.every(({ signal }) => signal.aborted))
  t.strictSame(over, ['queued', 'queued'])
  t.equal(worker.running, 0)
})

t.test('an obstacle keeps jobs waiting; it is said once, and gone when it is gone', async t => {
  const { worker, world, clock, warnings, running, queue } = working()
  await settled()
  world.obstacle = 'the disk is full'
  queue.push(newJob(at))
  for (let n = 0; n < 3; n++) {
    clock.advance(1000)
    await settled()
  }
  t.equal(worker.obstacle, 'the disk is full')
  t.strictSame(warnings, ['No job is started: the disk is full. Those that wait go on waiting.'])
  t.equal(running.length, 0)
  world.obstacle = undefined
  clock.advance(1000)
  await settled()
  t.equal(worker.obstacle, undefined)
  t.equal(running.length, 1)
  await worker.handOver()
})

t.test('a store in trouble is asked again, less and less often; that is said once', async t => {
  const { worker, world, clock, warnings, running, queue } = working()
  await settled()
  world.trouble = new Error('disk gone')
  queue.push(newJob(at))
  for (let n = 0; n < 5; n++) {
    clock.advance(30_000)
    await settled()
  }
  t.strictSame(warnings, ['No job could be claimed: disk gone; it is tried again.'])
  world.trouble = undefined
  clock.advance(30_000)
  await settled()
  t.equal(running.length, 1)
  await worker.handOver()
})

t.test('a job that could not be brought to an end goes back to the queue, as soon as the store takes it', async t => {
  const { worker, world, clock, warnings, running, queue, over } = working({ jobs: 1 })
  await settled()
  world.refusals.push(new Error('disk full'), new Error('disk full'))
  running[0]?.fail(new Error('disk full'))
  await settled()
  t.equal(worker.running, 1, 'nobody else would take it')
  for (let n = 0; n < 2; n++) {
    clock.advance(60_000)
    await settled()
  }
  t.strictSame(over, ['queued'])
  t.match(queue[0] ?? running[1]?.lease.job, { interruptions: 1 })
  t.match(warnings, [/could not be brought to an end: disk full\. It goes back to the queue\./])
  await worker.handOver()
})

t.test('a job whose store was away goes back to where it was, at once', async t => {
  const { worker, running, over } = working({ jobs: 1 })
  await settled()
  running[0]?.fail(new AgenticoreError('store_unavailable', 'Redis is away'))
  await settled()
  t.strictSame(over, ['queued'])
  t.match(running[1]?.lease.job, { interruptions: 1, putOffs: undefined })
  await worker.handOver()
})

t.test('a job that somebody else has by now is let go', async t => {
  const { worker, running, queue, over } = working({ jobs: 1 })
  await settled()
  running[0]?.fail(new AgenticoreError('stale_lease', 'taken'))
  await settled()
  t.strictSame([worker.running, queue.length, over.length], [0, 0, 0])
  await worker.drain()
})

t.test('a drain waits, and hands over what has not ended 25 s before its time', async t => {
  const { worker, clock, running } = working({ jobs: 2 })
  await settled()
  const states: string[] = []
  const draining = (async () => {
    for await (const { state, running } of drain(worker, clock, { timeoutMs: 40_000 }))
      states.push(`${state} ${running}`)
  })()
  await settled()
  running[0]?.end()
  for (let passed = 0; passed < 15_000; passed += 5000) {
    clock.advance(5000)
    await settled()
  }
  await draining
  t.strictSame([...new Set(states)], ['waiting 2', 'waiting 1', 'drained 0'].toSpliced(2, 0, 'handing_over 1'))
})

t.test('a drain is over in time, even if handing over hangs', async t => {
  const clock = new ManualClock()
  const hangs = new Worker({
    clock,
    podName: 'pod',
    capacity: 1,
    lookEveryMs: 1000,
    store: {
      claim: async () => ({ job: claimed(newJob(at), { fence: 1, podName: 'pod', bootId: 'b', at }), fence: 1 }),
      release: async ({ job }) => job,
    },
    run: () => new Promise(() => undefined),
    obstacle: async () => undefined,
    claimed: () => undefined,
    over: () => undefined,
    warn: () => undefined,
    random: () => 0,
  })
  hangs.start()
  await settled()
  const states: string[] = []
  const draining = (async () => {
    for await (const { state } of drain(hangs, clock, { timeoutMs: 30_000, now: true })) states.push(state)
  })()
  for (let passed = 0; passed < 30_000; passed += 1000) {
    clock.advance(1000)
    await settled()
  }
  await draining
  t.equal(states.at(-1), 'out_of_time')
  t.ok(states.includes('handing_over'))
})

t.test('a drain that has hardly any time hands over all the same', async t => {
  const { worker, clock, over } = working({ jobs: 1 })
  await settled()
  const states: string[] = []
  for await (const { state } of drain(worker, clock, { timeoutMs: 1000 })) states.push(state)
  t.strictSame(states, ['handing_over', 'drained'])
  t.strictSame(over, ['queued'])
})
