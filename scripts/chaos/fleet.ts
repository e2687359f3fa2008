/** Lets everything fail in a fleet while clients use it, and counts what is lost or doubled; exits with 1 if anything is. */
import { mkdtempSync, rmSync } from 'node:fs'
import { loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { conductFleet, findings, findingsOf } from '../../test/chaos/fleet/conductor.ts'
import { persistenceOf } from '../../test/chaos/fleet/redis-faults.ts'

const { values } = parseArgs({
  options: {
    jobs: { type: 'string', default: '2000' },
    pods: { type: 'string', default: '4' },
    slots: { type: 'string', default: '8' },
    'fault-every': { type: 'string', default: '3000' },
    'at-once': { type: 'string', default: '1' },
    seeds: { type: 'string', default: '1' },
    seed: { type: 'string', default: '1' },
  },
})
const columns = ['seed', 'jobs', 'starts', 'faults', 'cancelled', 'followed', 'poison']
const mostShown = 30
const times = ['p50', 'p99', 'slowest', 'seconds', 'load']
const line = (cells: readonly (string | number)[]): string => cells.map(cell => String(cell).padStart(9)).join(' ')
const at = (sorted: readonly number[], part: number): string =>
  `${((sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0) / 1000).toFixed(1)} s`

console.log(
  `${values.pods} pods of ${values.slots} slots, ${values.jobs} jobs a seed, a lease of 5 s; Redis appends to a file in even seeds. p50, p99, slowest: from what struck a pod to the next start of what it ran, or its end.\n`,
)
console.log(line([...columns, ...findings, ...times]))
let failed = false
const kinds = new Map<string, number>()
const recoveriesMs: number[] = []
const seeds = Array.from({ length: Number(values.seeds) }, (_, n) => Number(values.seed) + n)
await Promise.all(Array.from({ length: Number(values['at-once']) }, playSome))

/** One seed after the other, as long as there are any. */
async function playSome(): Promise<void> {
  for (let seed = seeds.shift(); seed !== undefined; seed = seeds.shift()) await play(seed)
}

async function play(seed: number): Promise<void> {
  const place = mkdtempSync(join(tmpdir(), 'agenticore-chaos-'))
  const report = await conductFleet({
    directory: join(place, 'chaos'),
    jobs: Number(values.jobs),
    pods: Number(values.pods),
    slots: Number(values.slots),
    faultEveryMs: Number(values['fault-every']),
    persistence: persistenceOf(seed),
    fillsDisk: true,
    seed,
  })
  const { jobs, starts, cancelled, followed, poison, seconds } = report
  const faults = [...report.faults.values()].reduce((sum, count) => sum + count, 0)
  for (const [kind, count] of report.faults) kinds.set(kind, (kinds.get(kind) ?? 0) + count)
  recoveriesMs.push(...report.recoveriesMs)
  const counts = [jobs, starts, faults, cancelled, followed, poison, ...findings.map(kind => report[kind].length)]
  const recovery = [0.5, 0.99, 1].map(part => at(report.recoveriesMs, part))
  console.log(line([seed, ...counts, ...recovery, seconds.toFixed(1), (loadavg()[0] ?? 0).toFixed(1)]))
  const found = findingsOf(report)
  for (const fault of found.slice(0, mostShown)) console.log(`  ${fault}`)
  failed ||= found.length > 0
  if (found.length === 0) rmSync(place, { recursive: true, force: true })
  else console.log(`  Kept for a look: ${place}`)
}

recoveriesMs.sort((a, b) => a - b)
const [middle, late, last] = [0.5, 0.99, 1].map(part => at(recoveriesMs, part))
console.log(
  `\n${recoveriesMs.length} attempts were struck and taken back: p50 ${middle}, p99 ${late}, slowest ${last}.`,
)
console.log([...kinds].map(([kind, count]) => `${count} × ${kind}`).join(', '))
process.exitCode = failed ? 1 : 0
