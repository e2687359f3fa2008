/** Lets everything fail in a fleet while clients use it, and counts what is lost or doubled; exits with 1 if anything is. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { conductFleet } from '../../test/chaos/fleet/conductor.ts'

const { values } = parseArgs({
  options: {
    jobs: { type: 'string', default: '2000' },
    pods: { type: 'string', default: '4' },
    'fault-every': { type: 'string', default: '1500' },
    seeds: { type: 'string', default: '1' },
    seed: { type: 'string', default: '1' },
  },
})
const columns = ['seed', 'jobs', 'faults', 'cancelled', 'followed', 'poison', 'lost', 'doubled', 'orphans', 'wrong']
const times = ['p50', 'p99', 'slowest', 'seconds']
const line = (cells: readonly (string | number)[]): string => cells.map(cell => String(cell).padStart(9)).join(' ')
const at = (sorted: readonly number[], part: number): string =>
  `${((sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0) / 1000).toFixed(1)} s`

console.log(
  `${values.pods} pods, ${values.jobs} jobs a seed, a lease of 5 s. p50, p99, slowest: from a kill to the next start of a job it hit, or its end.\n`,
)
console.log(line([...columns, ...times]))
let failed = false
const kinds = new Map<string, number>()
for (let n = 0; n < Number(values.seeds); n++) {
  const seed = Number(values.seed) + n
  const place = mkdtempSync(join(tmpdir(), 'agenticore-chaos-'))
  const plan = { directory: join(place, 'chaos'), jobs: Number(values.jobs), pods: Number(values.pods), seed }
  const report = await conductFleet({ ...plan, faultEveryMs: Number(values['fault-every']) })
  const { jobs, cancelled, followed, poison, lost, doubled, orphans, wrong, recoveriesMs, seconds } = report
  const faults = [...report.faults.values()].reduce((sum, count) => sum + count, 0)
  for (const [kind, count] of report.faults) kinds.set(kind, (kinds.get(kind) ?? 0) + count)
  const counts = [
    jobs,
    faults,
    cancelled,
    followed,
    poison,
    ...[lost, doubled, orphans, wrong].map(each => each.length),
  ]
  const recovery = [0.5, 0.99, 1].map(part => at(recoveriesMs, part))
  console.log(line([seed, ...counts, ...recovery, seconds.toFixed(1)]))
  const found = [...lost.map(id => `${id} is lost`), ...doubled, ...orphans, ...wrong]
  for (const fault of found) console.log(`  ${fault}`)
  failed ||= found.length > 0
  if (found.length === 0) rmSync(place, { recursive: true, force: true })
  else console.log(`  Kept for a look: ${place}`)
}
console.log(`\n${[...kinds].map(([kind, count]) => `${count} × ${kind}`).join(', ')}`)
process.exitCode = failed ? 1 : 0
