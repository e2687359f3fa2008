import t from 'tap'
import { ManualClock } from '../../test/helpers/clock.ts'
import { AgenticoreError } from '../jobs/errors.ts'
import { Watchdogs } from './watchdogs.ts'

const limits = { startMs: 1000, silenceMs: 5000, afterResultMs: 2000 }

/** Which watchdog fires when these steps are taken: a time passes, or something is heard. */
function fired(...steps: (number | 'line' | 'turn' | 'result' | 'stop')[]): string | undefined {
  const clock = new ManualClock()
  const watchdogs = new Watchdogs(clock, limits, 60)
  for (const step of steps) {
    if (typeof step === 'number') clock.advance(step)
    else if (step === 'result') watchdogs.heardResult()
    else if (step === 'stop') watchdogs.stop()
    else watchdogs.heard({ isTurn: step === 'turn' })
  }
  const { aborted, reason } = watchdogs.signal
  watchdogs.stop()
  if (!aborted) return undefined
  return reason instanceof AgenticoreError ? reason.code : String(reason)
}

t.test('each state has a limit of its own, and says its name', async t => {
  t.equal(fired(999), undefined)
  t.equal(fired(1000), 'agent_not_starting')
  t.equal(fired('line', 4999), undefined)
  t.equal(fired('line', 5000), 'agent_silent')
  t.equal(fired('line', 4000, 'line', 4000, 'turn', 4999), undefined)
  t.equal(fired('turn', 'result', 1999), undefined)
  t.equal(fired('turn', 'result', 2000), 'agent_hung')
})

t.test('after a result only work counts as a sign of life', async t => {
  t.equal(fired('result', 1500, 'line', 500), 'agent_hung')
  t.equal(fired('result', 1500, 'turn', 4999), undefined, 'another turn')
  t.equal(fired('result', 1500, 'turn', 'result', 1999), undefined)
  t.equal(fired('result', 1500, 'turn', 'result', 2000), 'agent_hung')
})

t.test('the whole run has its time, however lively it is', async t => {
  const lively = Array.from({ length: 15 }, () => ['turn', 4000] as const).flat()
  t.equal(fired(...lively.slice(0, -2)), undefined)
  t.equal(fired(...lively), 'timeout')
})

t.test('nothing fires any more when the run is over, whatever is still heard', async t => {
  t.equal(fired('turn', 'stop', 100_000), undefined)
  t.equal(fired('stop', 'turn', 100_000), undefined)
  t.equal(fired('stop', 'result', 100_000), undefined)
})
