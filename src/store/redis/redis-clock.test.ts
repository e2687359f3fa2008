import t from 'tap'
import { ManualClock } from '../../../test/helpers/clock.ts'
import { nowText, RedisClock } from './redis-clock.ts'

/** A machine's clock that can be set, and a Redis whose own is another one. */
class Machine extends ManualClock {
  offMs = 0
  redisMs = Date.parse('2030-01-01T00:00:00Z')

  override now(): Date {
    return new Date(super.now().getTime() + this.offMs)
  }

  override advance(ms: number): void {
    super.advance(ms)
    this.redisMs += ms
  }

  /** @param thereMs how long the question takes, and @param backMs the answer */
  asked(thereMs: number, backMs: number) {
    return async (): Promise<unknown> => {
      this.advance(thereMs)
      const answer = [String(Math.floor(this.redisMs / 1000)), String((this.redisMs % 1000) * 1000)]
      this.advance(backMs)
      return answer
    }
  }
}

t.test('what time it is goes by Redis, whatever becomes of the clock of this machine', async t => {
  const machine = new Machine()
  const clock = new RedisClock(machine)
  const off = (): number => clock.now().getTime() - machine.redisMs
  t.same(clock.now(), machine.now(), 'as long as it has not been asked')
  await clock.set(machine.asked(0, 0))
  t.equal(off(), 0)
  machine.offMs = 3_600_000
  machine.advance(1500)
  t.equal(off(), 0, 'it goes on, and nobody sets it')
  t.equal(nowText(clock)(), '2030-01-01T00:00:01.500Z')
  t.equal(clock.monotonicMs(), machine.monotonicMs())
})

t.test('an answer that takes long is believed no more than it says', async t => {
  const machine = new Machine()
  const clock = new RedisClock(machine)
  const off = (): number => clock.now().getTime() - machine.redisMs
  await clock.set(machine.asked(0, 400))
  t.equal(off(), -400, 'late, and not early')
  await clock.set(machine.asked(30_000, 30))
  t.equal(off(), -30)
  await clock.set(machine.asked(5000, 5000))
  t.equal(off(), -30, 'what is known better stays')
})

t.test('when the clock of Redis is set, or it is another Redis, that is followed', async t => {
  const machine = new Machine()
  const clock = new RedisClock(machine)
  await clock.set(machine.asked(0, 0))
  for (const ms of [7000, -7000]) {
    machine.redisMs += ms
    await clock.set(machine.asked(10, 10))
    t.ok(Math.abs(clock.now().getTime() - machine.redisMs) <= 20)
  }
})
