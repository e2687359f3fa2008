import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { execa } from 'execa'
import t from 'tap'
import { startDaemon } from '../helpers/daemon.ts'
import { fakeAgent } from '../helpers/fake-agent.ts'
import { originalCli } from '../helpers/original-cli.ts'

const original = await originalCli()
const skip = 'missing' in original && original.missing

t.test('the Python agenticore’s own command line works against this server', { skip, timeout: 120_000 }, async t => {
  if ('missing' in original) return
  const cli = fakeAgent(t, 'hangs-at-start')
  const daemon = await startDaemon(t, cli, { env: { AGENTICORE_MAX_PARALLEL_JOBS: '1' } })
  const home = join(cli.home, 'python')
  mkdirSync(home)
  const { hostname, port } = new URL(daemon.url)
  const env = { PATH: process.env.PATH ?? '', HOME: home, AGENTICORE_HOST: hostname, AGENTICORE_PORT: port }
  const run = async (...args: string[]) => await execa(original.program, args, { env, extendEnv: false, reject: false })

  t.match(await run('status'), { exitCode: 0, stdout: /Status: +ok\nService: agenticore/ })
  t.match(await run('jobs'), { exitCode: 0, stdout: 'No jobs found.' })
  const submitted = await run('run', 'first')
  t.match(submitted, { exitCode: 0, stdout: /^Job submitted: [0-9a-f-]{36}\n +Status: +queued\n +Profile: coding$/ })
  t.match(await run('run', 'second', '--profile', 'review'), { exitCode: 0, stdout: /Profile: review/ })
  const [, first = ''] = /submitted: (\S+)/.exec(submitted.stdout) ?? []
  const listed = await run('jobs')
  t.equal(listed.stdout.split('\n').length, 4, 'a head, a rule, two rows')
  t.match(listed.stdout, new RegExp(`${first} +(queued|running) +coding +first`))
  t.match((await run('jobs', '--status', 'failed')).stdout, 'No jobs found.')
  t.match((await run('jobs', '--limit', '1')).stdout, /second/)
  t.match(await run('job', first), { exitCode: 0, stdout: new RegExp(`Job: +${first}\\nStatus: +(queued|running)`) })
  const shown = await run('job', first, '--json')
  t.match(JSON.parse(shown.stdout), { id: first, task: 'first', profile: 'coding', output_truncated: false })
  t.match(await run('cancel', first), { exitCode: 0, stdout: `Job ${first}: ` })
  t.match(await run('job', 'ffffffff'), { exitCode: 1, stderr: /There is no job "ffffffff"/ })
  t.match((await run('profiles')).stdout, /coding +Does the task/)
  t.match(await run('plan', 'x'), { exitCode: 1, stderr: /not of this one: .*docs\/migration\.md/ })
})

t.test('it waits for a job, and prints what the agent said', { skip, timeout: 120_000 }, async t => {
  if ('missing' in original) return
  const cli = fakeAgent(t, 'talks')
  const daemon = await startDaemon(t, cli)
  const { hostname, port } = new URL(daemon.url)
  const env = { PATH: process.env.PATH ?? '', HOME: cli.home, AGENTICORE_HOST: hostname, AGENTICORE_PORT: port }
  const waited = await execa(original.program, ['run', 'x', '--wait'], { env, extendEnv: false, reject: false })
  t.match(waited, { exitCode: 0, stdout: /Status: +succeeded[\s\S]*\n\ndone$/ })
})
