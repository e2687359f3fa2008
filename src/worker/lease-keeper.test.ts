import t from 'tap'
import { ManualClock } from '../../test/helpers/clock.ts'
import { newJob } from '../../test/helpers/jobs.ts'
import { AgenticoreError } from '../jobs/errors.ts'
import type { Renewal } from '../jobs/ports.ts'
import { LeaseEnded, whileRenewed } from './lease-keeper.ts'

const lease = { job: newJob(new Date()), fence: 1 }

/** Runs work that ends when its signal aborts, with a store that answers like this each time it is asked. */
async function kept(...answers: (Renewal | Error)[]): Promise<{ why: unknown; asked: number; renewed: boolean[] }> {
  const clock = new ManualClock()
  let asked = 0
  const renewed: boolean[] = []
  const measures = { leaseRenewed: (ok: boolean) => void renewed.push(ok) }
  const renew = async (): Promise<Renewal> => {
    const answer = answers[asked] ?? { cancelRequested: false }
    asked += 1
    if (answer instanceof Error) throw answer
    return answer
  }
  const working = whileRenewed(
    { store: { renew }, clock, everyMs: 500, measures },
    lease,
    signal => new Promise(resolve => signal.addEventListener('abort', () => resolve(signal.reason), { once: true })),
  )
  for (let n = 0; n < answers.length; n++) {
    await clock.slept()
    clock.advance(500)
    await new Promise(resolve => setImmediate(resolve))
  }
  return { why: await working, asked, renewed }
}

t.test('a cancel request ends the work', async t => {
  const { why, asked } = await kept({ cancelRequested: false }, { cancelRequested: true })
  t.ok(why instanceof LeaseEnded && why.why === 'cancelled')
  t.equal(asked, 2)
})

t.test('a lease that somebody else has ends the work', async t => {
  const { why, renewed } = await kept(new AgenticoreError('stale_lease', 'gone'))
  t.ok(why instanceof LeaseEnded && why.why === 'lost')
  t.strictSame(renewed, [false])
})

t.test('a store that cannot be asked for a while is no reason to stop', async t => {
  const { why, asked, renewed } = await kept(new Error('EIO'), new Error('EIO'), { cancelRequested: true })
  t.strictSame(renewed, [false, false, true])
  t.ok(why instanceof LeaseEnded && why.why === 'cancelled')
  t.equal(asked, 3)
})

t.test('when the work is done nobody is asked any more, and its failure is the one that is told', async t => {
  const clock = new ManualClock()
  const store = {
    async renew(): Promise<Renewal> {
      t.fail('asked')
      return { cancelRequested: false }
    },
  }
  t.equal(await whileRenewed({ store, clock, everyMs: 500 }, lease, async () => 'done'), 'done')
  const failing = whileRenewed({ store, clock, everyMs: 500 }, lease, async () => {
    throw new Error('broken')
  })
  await t.rejects(failing, /broken/)
})

t.test('a lease that was given back is not asked for again, and one asked for in that moment is not lost', async t => {
  const clock = new ManualClock()
  const renewed: boolean[] = []
  const measures = { leaseRenewed: (ok: boolean) => void renewed.push(ok) }
  let asked = 0
  const renew = async (): Promise<Renewal> => {
    asked += 1
    throw new AgenticoreError('stale_lease', 'it has ended')
  }
  await whileRenewed({ store: { renew }, clock, everyMs: 500, measures }, lease, async (_, givenBack) => {
    await clock.slept()
    clock.advance(500)
    await new Promise(resolve => setImmediate(resolve))
    givenBack()
    clock.advance(500)
  })
  t.equal(asked, 1)
  t.strictSame(renewed, [])
})
