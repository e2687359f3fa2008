import t from 'tap'
import { SleeplessClock } from '../../test/helpers/clock.ts'
import { never, runnerGit } from '../../test/helpers/repos.ts'
import { type Measures, noMeasures } from '../jobs/measures.ts'
import { FileLock } from '../locks/file-lock.ts'

t.test('git is timed by its subcommand, whatever stands before it', async t => {
  const ran: [string, boolean][] = []
  const measures: Measures = {
    ...noMeasures,
    gitRan(command, ms, ok) {
      t.ok(ms > 0)
      ran.push([command, ok])
    },
  }
  const git = runnerGit({ measures })
  const place = t.testdir()
  await git.run({ args: ['init', '--quiet', place], signal: never })
  await git.try({ args: ['-C', 'nowhere', 'rev-parse', 'HEAD'], signal: never })
  await git.try({ args: ['-c', 'core.x=1', 'status'], within: place, signal: never })
  t.strictSame(ran, [
    ['init', true],
    ['rev-parse', false],
    ['status', true],
  ])
})

t.test('waiting for a lock is timed, had or not', async t => {
  const waits: number[] = []
  const lock = new FileLock(t.testdir(), new SleeplessClock(), { lockWaited: ms => void waits.push(ms) })
  const options = { signal: never, patienceMs: 1000 }
  await lock.withLock('k', options, () => lock.withLock('k', options, async () => undefined))
  t.strictSame(waits, [0, 1000])
})
