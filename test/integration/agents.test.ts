import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { execa } from 'execa'
import t from 'tap'
import type { Job } from '../../src/jobs/job.ts'
import { compileCache } from '../helpers/compile-cache.ts'
import { processesWith } from '../helpers/processes.ts'

/** As bin/agenticore starts node. */
const flags =
  /--max-semi-space-size=\d+/.exec(readFileSync(join(import.meta.dirname, '../../bin/agenticore'), 'utf8'))?.[0] ?? ''
const agents = join(import.meta.dirname, '../fixtures/agents')

/** What becomes of a job whose agent is the executable of that name. */
interface Expected {
  readonly job: Partial<Job>
  readonly timeout?: number
  /** A process of the agent that is found by neither marker nor descent. */
  readonly survivor?: string
}

const failed = (errorCode: Job['errorCode'], error: RegExp) => ({ status: 'failed', errorCode, error }) as const
const busy = { status: 'queued', attempt: 0, interruptions: 1 } as const

const expectations: Readonly<Record<string, Omit<Expected, 'job'> & { job: object }>> = {
  'hangs-at-start': { job: failed('agent_not_starting', /said nothing for 0.7 s/) },
  'goes-silent': { job: failed('agent_silent', /silent for 0.7 s/) },
  'hangs-after-result': { job: failed('agent_hung', /0.7 s of its result/) },
  'ignores-sigterm': { job: failed('timeout', /stopped after 0.5 s/), timeout: 0.5 },
  'prints-one-line': { job: { status: 'succeeded', output: 'done' } },
  'prints-many-lines': { job: { status: 'succeeded', output: 'done' } },
  'leaves-children': { job: { status: 'succeeded' } },
  'hides-a-child': { job: { status: 'succeeded' }, survivor: '/bin/sleep\u00002002' },
  'hides-behind-output': { job: { status: 'succeeded' }, survivor: '/bin/sleep\u00002003' },
  'gives-no-result': { job: failed('agent_no_result', /exited with 0 without a result/) },
  'succeeds-and-fails': { job: failed('agent_failed', /reported success, but exited with 1/) },
  dies: { job: failed('agent_failed', /reported success, but was ended by SIGKILL/) },
  'busy-429': { job: busy },
  'busy-529': { job: busy },
}

for (const [name, { job: wanted, timeout, survivor }] of Object.entries(expectations)) {
  t.test(`an agent that ${name.replaceAll('-', ' ')}`, { timeout: 60_000 }, async t => {
    const started = Date.now()
    const args = [flags, join(agents, 'run.ts'), t.testdir(), join(agents, name), ...(timeout ? [String(timeout)] : [])]
    const env = { ...compileCache, PATH: process.env.PATH }
    const { stdout } = await execa(process.execPath, args, { env, extendEnv: false })
    const { job, peakMiB } = JSON.parse(stdout)
    t.match(job, wanted)
    if (job.status === 'queued') t.ok(Date.parse(job.notBefore) >= started + 15_000, 'not before 15 s from now')
    t.ok(peakMiB < 200, `${Math.round(peakMiB)} MiB at most`)
    const survivors = survivor === undefined ? [] : processesWith(survivor)
    t.equal(
      survivors.length,
      survivor === undefined ? 0 : 1,
      'who clears its environment lives on without a user of its own',
    )
    for (const pid of survivors) process.kill(pid, 'SIGKILL')
    t.strictSame(processesWith(job.id), [])
  })
}
