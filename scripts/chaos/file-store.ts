/** Kills claimers of one file store at random and counts what is lost or doubled; exits with 1 if anything is. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { conduct } from '../../test/chaos/conductor.ts'

const { values } = parseArgs({
  options: {
    jobs: { type: 'string', default: '200' },
    processes: { type: 'string', default: '8' },
    seeds: { type: 'string', default: '10' },
    seed: { type: 'string', default: '1' },
  },
})
const columns = ['seed', 'jobs', 'kills', 'starts', 'cancelled', 'poison', 'lost', 'doubled', 'wrong', 'seconds']
const line = (cells: readonly (string | number)[]): string => cells.map(cell => String(cell).padStart(9)).join(' ')

console.log(`${values.processes} claimers, one killed every 10 to 100 ms and replaced; ${values.jobs} jobs a seed.\n`)
console.log(line(columns))
let failed = false
for (let n = 0; n < Number(values.seeds); n++) {
  const seed = Number(values.seed) + n
  const place = mkdtempSync(join(tmpdir(), 'agenticore-chaos-'))
  try {
    const plan = { directory: place, jobs: Number(values.jobs), processes: Number(values.processes), seed }
    const { jobs, kills, starts, cancelled, poison, lost, doubled, wrong, seconds } = await conduct(plan)
    const counts = [jobs.length, kills, starts, cancelled, poison, lost.length, doubled.length, wrong.length]
    console.log(line([seed, ...counts, seconds.toFixed(1)]))
    for (const fault of [...lost, ...doubled, ...wrong]) console.log(`  ${fault}`)
    failed ||= lost.length + doubled.length + wrong.length > 0
  } finally {
    rmSync(place, { recursive: true, force: true })
  }
}
process.exitCode = failed ? 1 : 0
