import t from 'tap'
import { ManualClock } from '../../test/helpers/clock.ts'
import { newJob } from '../../test/helpers/jobs.ts'
import type { Lease, Renewal } from '../jobs/ports.ts'
import { LeaseEnded, LeaseKeeper } from './lease-keeper.ts'

const lease = { job: newJob(new Date()), fence: 1 }

const aborted = (signal: AbortSignal): Promise<unknown> =>
  new Promise(resolve => signal.addEventListener('abort', () => resolve(signal.reason), { once: true }))

const why = (reason: unknown): unknown => (reason instanceof LeaseEnded ? reason.why : reason)

/** A keeper whose store answers like this each time it is asked, and time that goes by in steps. */
class World {
  readonly clock = new ManualClock()
  readonly asked: Lease[][] = []
  readonly renewed: boolean[] = []
  readonly keeper: LeaseKeeper

  constructor(...answers: (Renewal | Renewal[] | Error)[]) {
    const renew = async (leases: readonly Lease[]): Promise<Renewal[]> => {
      const answer = answers[this.asked.length] ?? 'held'
      this.asked.push([...leases])
      if (answer instanceof Error) throw answer
      return Array.isArray(answer) ? answer : leases.map(() => answer)
    }
    const measures = { leaseRenewed: (ok: boolean): void => void this.renewed.push(ok) }
    this.keeper = new LeaseKeeper({ store: { renew }, clock: this.clock, everyMs: 500, giveUpMs: 3000, measures })
  }

  async pass(ms: number): Promise<void> {
    await this.clock.slept()
    this.clock.advance(ms)
    await new Promise(resolve => setImmediate(resolve))
  }
}

t.test('a cancel request ends the work', async t => {
  const world = new World('held', 'cancelled')
  const working = world.keeper.keep(lease, aborted)
  await world.pass(500)
  await world.pass(500)
  t.equal(why(await working), 'cancelled')
  t.equal(world.asked.length, 2)
})

t.test('a lease that has run out on its way here is given up before anything is done with it', async t => {
  const world = new World()
  const late = { ...lease, askedMs: world.clock.monotonicMs() - 3000 }
  t.equal(why(await world.keeper.keep(late, async signal => signal.reason)), 'unrenewed')
})

t.test('a lease that somebody else has ends the work', async t => {
  const world = new World('lost')
  const working = world.keeper.keep(lease, aborted)
  await world.pass(500)
  t.equal(why(await working), 'lost')
  t.strictSame(world.renewed, [false])
})

t.test('a store that cannot be asked for a while is no reason to stop', async t => {
  const world = new World(new Error('EIO'), new Error('EIO'), 'cancelled')
  const working = world.keeper.keep(lease, aborted)
  for (let n = 0; n < 3; n++) await world.pass(500)
  t.equal(why(await working), 'cancelled')
  t.strictSame(world.renewed, [false, false, true])
})

t.test('a lease that cannot be renewed is given up in time, counted from before it was renewed last', async t => {
  const world = new World('held', ...Array.from({ length: 20 }, () => new Error('away')))
  const startMs = world.clock.monotonicMs()
  const working = world.keeper.keep(lease, aborted)
  let reason: unknown
  const over = working.then(found => {
    reason = found
  })
  while (reason === undefined) await world.pass(500)
  await over
  t.equal(why(reason), 'unrenewed')
  t.equal(world.clock.monotonicMs() - startMs, 500 + 3000)
})

t.test('a lease is given up in time although the store has not answered at all', async t => {
  const clock = new ManualClock()
  const answer = Promise.withResolvers<Renewal[]>()
  const keeper = new LeaseKeeper({ store: { renew: () => answer.promise }, clock, everyMs: 500, giveUpMs: 3000 })
  // It was asked for a while before it was there.
  const working = keeper.keep({ ...lease, askedMs: clock.monotonicMs() - 400 }, async signal => {
    const reason = await aborted(signal)
    answer.resolve(['lost'])
    return reason
  })
  await clock.slept()
  clock.advance(500)
  await new Promise(resolve => setImmediate(resolve))
  await clock.slept()
  clock.advance(2100)
  t.equal(why(await working), 'unrenewed')
})

t.test('all leases are renewed in one call, and each hears its own answer', async t => {
  const other = { job: newJob(new Date()), fence: 4 }
  const world = new World(['held', 'lost'])
  const [first, second] = [world.keeper.keep(lease, aborted), world.keeper.keep(other, aborted)]
  await world.pass(500)
  t.equal(why(await second), 'lost')
  t.strictSame(world.asked, [[lease, other]])
  await world.pass(500)
  t.strictSame(world.asked[1], [lease])
  const ending = new World('cancelled')
  const last = ending.keeper.keep(lease, aborted)
  ending.keeper.wake('another')
  t.equal(ending.asked.length, 0)
  ending.keeper.wake(lease.job.id)
  t.equal(why(await last), 'cancelled', 'at once')
  t.equal(typeof first.then, 'function')
})

t.test('when the work is done nobody is asked any more, and its failure is the one that is told', async t => {
  const world = new World()
  t.equal(await world.keeper.keep(lease, async () => 'done'), 'done')
  const failing = world.keeper.keep(lease, async () => {
    throw new Error('broken')
  })
  await t.rejects(failing, /broken/)
  t.equal(world.asked.length, 0)
})

t.test('a lease that was given back is not asked for again, and one asked for in that moment is not lost', async t => {
  const clock = new ManualClock()
  const renewed: boolean[] = []
  let asked = 0
  const answered = Promise.withResolvers<void>()
  const store = {
    async renew(leases: readonly Lease[]): Promise<Renewal[]> {
      asked += 1
      await answered.promise
      return leases.map(() => 'lost')
    },
  }
  const measures = { leaseRenewed: (ok: boolean): void => void renewed.push(ok) }
  const keeper = new LeaseKeeper({ store, clock, everyMs: 500, measures })
  await keeper.keep(lease, async (signal, givenBack) => {
    await clock.slept()
    clock.advance(500)
    await new Promise(resolve => setImmediate(resolve))
    givenBack()
    answered.resolve()
    await new Promise(resolve => setImmediate(resolve))
    t.notOk(signal.aborted)
  })
  t.equal(asked, 1)
  t.strictSame(renewed, [])
})

t.test('who takes a lease while another one is let go may wait for the one that had it', async t => {
  const clock = new ManualClock()
  const [answer, isOver] = [Promise.withResolvers<Renewal[]>(), Promise.withResolvers<void>()]
  const keeper = new LeaseKeeper({ store: { renew: () => answer.promise }, clock, everyMs: 500 })
  const turn = (): Promise<void> => new Promise(resolve => setImmediate(resolve))
  const first = keeper.keep(lease, () => isOver.promise)
  await clock.slept()
  clock.advance(500)
  await turn()
  isOver.resolve()
  await turn()
  const second = keeper.keep({ ...lease, fence: 2 }, async () => {
    await first
    return 'both are over'
  })
  answer.resolve(['held'])
  const late = new Promise(resolve => setTimeout(resolve, 2000, 'each waits for the other'))
  t.equal(await Promise.race([second, late]), 'both are over')
})

t.test('a lease that was long on its way is renewed at once', async t => {
  const world = new World('cancelled')
  const working = world.keeper.keep({ ...lease, askedMs: world.clock.monotonicMs() - 500 }, aborted)
  t.equal(why(await working), 'cancelled')
})

t.test('an answer that is older than what it says is good for ends the work', async t => {
  const clock = new ManualClock()
  const answer = Promise.withResolvers<Renewal[]>()
  const keeper = new LeaseKeeper({ store: { renew: () => answer.promise }, clock, everyMs: 500, giveUpMs: 3000 })
  const working = keeper.keep(lease, aborted)
  await clock.slept()
  clock.advance(500)
  await new Promise(resolve => setImmediate(resolve))
  // The process stands still for 4 s; when it goes on, what has come meanwhile is read before any timer is looked at.
  const wokenMs = clock.monotonicMs() + 4000
  t.capture(clock, 'monotonicMs', () => wokenMs)
  answer.resolve(['held'])
  t.equal(why(await working), 'unrenewed')
})
