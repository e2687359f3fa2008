import t, { type Test } from 'tap'
import { bash, jobIn, world } from '../helpers/e2e.ts'
import { processesWith } from '../helpers/processes.ts'
import { until } from '../helpers/until.ts'

const work = bash('echo x > x.txt')

/** One job of the real Claude Code against a model that fails in this way. */
async function faulty(t: Test, turns: readonly object[], ...flags: string[]) {
  const { cli, github } = await world(t, [{ turns: [...turns] }])
  const repo = await github.createRepo({ owner: 'o', name: 'r', files: { 'a.txt': 'a\n' } })
  const started = cli.start(['run', 'x', '-r', repo.cloneUrl, '--local', '--wait', '--json', ...flags])
  return { cli, github, started }
}

for (const [name, turns, flags, code, exitCode] of [
  ['reaches its turn limit', [work, work, { text: 'x' }], ['--max-turns', '1'], 'max_turns', 1],
  ['spends its budget', [work, { text: 'x' }], ['--max-budget-usd', '0.000001'], 'max_budget', 1],
  ['is refused with 400', [work, { status: 400, text: 'x' }], [], 'model_error', 1],
  ['is refused with 401', [{ status: 401, text: 'x' }], [], 'model_error', 1],
  [
    'waits for a stream that stalls',
    [work, { stall: 'midway', text: 'I am about' }],
    ['--timeout', '4'],
    'timeout',
    124,
  ],
] as const) {
  t.test(`an agent that ${name} fails its job, and its work is kept`, { timeout: 60_000 }, async t => {
    const { cli, github, started } = await faulty(t, turns, ...flags)
    const result = await started
    t.match(jobIn(result), { status: 'failed', error_code: code, attempt: 1, interruptions: 0 })
    t.equal(result.exitCode, exitCode)
    t.strictSame(processesWith(jobIn(result).id), [])
    t.strictSame(github.pulls('o/r'), [])
    // The budget is spent before the first tool is run.
    const hasWorked = turns[0] === work && code !== 'max_budget'
    t.equal(/What it had changed: +\S+diff.patch/.test(result.stderr), hasWorked)
    t.match((await cli(['logs', jobIn(result).id])).stdout, /✘ failed/)
  })
}

t.test('a rate limit that says when to come back is waited out by Claude Code', async t => {
  const limited = { status: 429, headers: { 'retry-after': '1' }, times: 1, text: 'ok' }
  const { started } = await faulty(t, [work, limited])
  t.match(jobIn(await started), { status: 'succeeded', output: 'ok', attempt: 1, interruptions: 0 })
})

for (const [status, headers] of [
  [429, { 'retry-after': '600' }],
  [529, {}],
] as const) {
  t.test(
    `a model that goes on answering ${status} puts the job off, and its work stays`,
    { timeout: 60_000 },
    async t => {
      const { cli, started } = await faulty(t, [work, { status, headers, text: 'x' }])
      const put = await until(async () => {
        const [job] = JSON.parse((await cli(['jobs', '--json', '--local'])).stdout)
        return job?.not_before === undefined ? undefined : job
      }, 40_000)
      t.match(put, { status: 'queued', attempt: 0, interruptions: 1, error_code: undefined })
      const waitMs = Date.parse(put.not_before) - Date.now()
      t.ok(waitMs > 5_000 && waitMs <= 30_000, `not before ${waitMs} ms from now`)
      t.strictSame(processesWith(put.id), [])
      started.kill('SIGINT')
      const result = await started
      t.equal(result.exitCode, 130, 'what waits can be left')
      t.match(result.stderr, `The model answered ${status}`)
      t.match(jobIn(result), { status: 'queued', not_before: put.not_before })
    },
  )
}
