import t from 'tap'
import { ManualClock } from '../../../test/helpers/clock.ts'
import { newJob } from '../../../test/helpers/jobs.ts'
import type { JobEvent } from '../../jobs/events.ts'
import { holdUntilEnd } from './hold.ts'
import { aliveEveryMs, sseMessage, withPauses } from './streams.ts'

const job = newJob(new Date('2026-11-23T12:00:00Z'))

/** Yields what is put into it, until it is closed. */
function tap() {
  const waiting: JobEvent[] = []
  let wake = Promise.withResolvers<void>()
  let isClosed = false
  let returned = false
  async function* read(): AsyncGenerator<JobEvent> {
    try {
      while (!isClosed || waiting.length > 0) {
        const event = waiting.shift()
        if (event) yield event
        else await wake.promise
      }
    } finally {
      returned = true
    }
  }
  const ring = (): void => {
    wake.resolve()
    wake = Promise.withResolvers()
  }
  return {
    read,
    put: (id: string) => {
      waiting.push({ id, at: '', type: 'nothing_changed' })
      ring()
    },
    close: () => {
      isClosed = true
      ring()
    },
    isReturned: () => returned,
  }
}

t.test('what comes is passed on, and a silence is said every 15 s', async t => {
  const clock = new ManualClock()
  const source = tap()
  const seen: (string | undefined)[] = []
  const reading = (async () => {
    for await (const event of withPauses(source.read(), aliveEveryMs, clock)) seen.push(event?.id)
  })()
  source.put('1-1')
  while (seen.length === 0) await new Promise(setImmediate)
  while (seen.filter(id => id === undefined).length < 2) {
    await clock.slept()
    clock.advance(aliveEveryMs)
    await new Promise(setImmediate)
  }
  source.put('1-2')
  source.close()
  await reading
  t.strictSame(seen, ['1-1', undefined, undefined, '1-2'])
})

t.test('who stops reading stops the source', async t => {
  const source = tap()
  source.put('1-1')
  for await (const event of withPauses(source.read(), 1000, new ManualClock())) {
    t.equal(event?.id, '1-1')
    break
  }
  t.ok(source.isReturned())
})

t.test('a submitter who waits gets white space, and then the job', async t => {
  const clock = new ManualClock()
  const source = tap()
  const service = { events: () => source.read(), get: async () => ({ ...job, status: 'succeeded' as const }) }
  const closing = new AbortController().signal
  const body = holdUntilEnd({ service, clock, closing }, job, {
    heard: new AbortController().signal,
    envelope: ({ id, status }) => ({ id, status }),
  })
  const chunks: string[] = []
  const reading = (async () => {
    for await (const chunk of body) chunks.push(String(chunk))
  })()
  await clock.slept()
  clock.advance(aliveEveryMs)
  await new Promise(setImmediate)
  t.strictSame(chunks, [' '])
  for (const id of ['1-1', '1-2', '1-3']) {
    await clock.slept()
    source.put(id)
    await new Promise(setImmediate)
    clock.advance(aliveEveryMs / 3)
    await new Promise(setImmediate)
  }
  t.strictSame(chunks, [' ', ' '], 'however much the agent says')
  source.close()
  await reading
  t.strictSame(JSON.parse(chunks.join('')), { id: job.id, status: 'succeeded' })
})

t.test('a message is written as the standard has it', async t => {
  t.equal(sseMessage({ id: '1-1', event: 'end', data: '{}' }), 'id: 1-1\nevent: end\ndata: {}\n\n')
  t.equal(sseMessage({ data: '{}' }), 'data: {}\n\n')
})
