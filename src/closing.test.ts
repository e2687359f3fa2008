import t from 'tap'
import { ManualClock } from '../test/helpers/clock.ts'
import { closeAll } from './closing.ts'
import { closingMs } from './config/stopping.ts'

t.test('what hangs or fails keeps nothing else from being closed, and all of it is over in its time', async t => {
  const clock = new ManualClock()
  const startMs = clock.monotonicMs()
  const [closed, warnings]: [string[], string[]] = [[], []]
  const hangs = (): Promise<never> => new Promise(() => undefined)
  const steps = {
    server: hangs,
    control: async () => void closed.push('control'),
    agentihooks: hangs,
    chores: async () => Promise.reject(new Error('broken')),
    webhook: hangs,
    store: async () => void closed.push('store'),
    traces: hangs,
  }
  let isOver = false
  const closing = closeAll(steps, { clock, warn: message => void warnings.push(message) }).then(() => {
    isOver = true
  })
  while (!isOver) {
    await clock.slept()
    clock.advance(500)
    await new Promise(setImmediate)
  }
  await closing
  t.strictSame(closed, ['control', 'store'])
  t.strictSame(warnings, [
    'Closing (server): it takes too long, and is left',
    'Closing (agentihooks): it takes too long, and is left',
    'Closing (chores): broken',
    'Closing (webhook): it takes too long, and is left',
    'Closing (traces): it takes too long, and is left',
  ])
  const { server, agentihooks, webhook, traces } = closingMs
  t.equal(clock.monotonicMs() - startMs, server + agentihooks + webhook + traces)
})
