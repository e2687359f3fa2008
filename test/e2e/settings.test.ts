import t from 'tap'
import { cliFor } from '../helpers/cli.ts'
import { cliTo, startDaemon } from '../helpers/daemon.ts'
import { until } from '../helpers/until.ts'

t.test('a misspelt variable is said by every command, once', async t => {
  const cli = cliFor(t.testdir())
  const daemon = await startDaemon(t, cli)
  const env = { AGENTICORE_PROT: '1' }
  const warning = /Warning: AGENTICORE_PROT is no setting, did you mean "AGENTICORE_PORT"\?\n/g
  for (const run of [cliTo(daemon, cli), cli]) {
    for (const args of [['run', 'x'], ['status'], ['jobs', '--json'], ['jobs', '--local']]) {
      const { stdout, stderr } = await run(args, { env })
      t.equal(stderr.match(warning)?.length, 1, `${args}: ${stderr}`)
      t.notMatch(stdout, 'AGENTICORE_PROT')
    }
  }
  await daemon.stop()
})

t.test('a default profile that there is not is said when a server starts', async t => {
  const env = { AGENTICORE_DEFAULT_PROFILE: 'nosuch' }
  const daemon = await startDaemon(t, cliFor(t.testdir()), { env })
  const said = await until(() => daemon.log.find(line => line.includes('AGENTICORE_DEFAULT_PROFILE')))
  t.match(said, /"level":"warn".*Jobs that name no profile are refused .*nosuch/)
  await daemon.stop()
})
