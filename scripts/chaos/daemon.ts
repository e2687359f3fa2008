/** Kills a daemon at random while clients use it, and counts what is lost or doubled; exits with 1 if anything is. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { conductDaemon } from '../../test/chaos/daemon/conductor.ts'

const { values } = parseArgs({
  options: {
    jobs: { type: 'string', default: '500' },
    'kill-every': { type: 'string', default: '4000' },
    seeds: { type: 'string', default: '1' },
    seed: { type: 'string', default: '1' },
  },
})
const columns = [
  'seed',
  'jobs',
  'kills',
  'cancelled',
  'followed',
  'poison',
  'lost',
  'doubled',
  'orphans',
  'wrong',
  'p50',
  'p99',
  'slowest',
  'seconds',
]
const line = (cells: readonly (string | number)[]): string => cells.map(cell => String(cell).padStart(9)).join(' ')
const at = (sorted: readonly number[], part: number): string =>
  `${((sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0) / 1000).toFixed(1)} s`

const killEveryMs = Number(values['kill-every'])
console.log(
  `A daemon that lives for 0 to ${killEveryMs} ms from its start on; ${values.jobs} jobs a seed. p50, p99, slowest: from a kill to the next start of a job it hit, or its end.\n`,
)
console.log(line(columns))
let failed = false
for (let n = 0; n < Number(values.seeds); n++) {
  const seed = Number(values.seed) + n
  const place = mkdtempSync(join(tmpdir(), 'agenticore-chaos-'))
  const plan = { directory: join(place, 'chaos'), jobs: Number(values.jobs), killEveryMs, seed }
  const { jobs, kills, cancelled, followed, poison, lost, doubled, orphans, wrong, recoveriesMs, seconds } =
    await conductDaemon(plan)
  const counts = [jobs, kills, cancelled, followed, poison, ...[lost, doubled, orphans, wrong].map(each => each.length)]
  const recovery = [0.5, 0.99, 1].map(part => at(recoveriesMs, part))
  console.log(line([seed, ...counts, ...recovery, seconds.toFixed(1)]))
  const faults = [...lost, ...doubled, ...orphans, ...wrong]
  for (const fault of faults) console.log(`  ${fault}`)
  failed ||= faults.length > 0
  if (faults.length === 0) rmSync(place, { recursive: true, force: true })
  else console.log(`  Kept for a look: ${place}`)
}
process.exitCode = failed ? 1 : 0
