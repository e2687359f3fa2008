/** The fleet's queue beside BullMQ on one Redis: how soon a job is started, how many a second, a page among many, an idle fleet. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { startRedis } from '../../test/helpers/redis.ts'
import { conditions, type Figures } from './measure.ts'
import { measureIdle } from './queue-idle.ts'
import { measureLatency } from './queue-latency.ts'
import { measureListing } from './queue-listing.ts'
import { measureRates, type Rates } from './queue-rate.ts'

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: 'latency,rate,listing,idle' },
    jobs: { type: 'string', default: '300' },
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '1' },
    concurrency: { type: 'string', default: '1,3,50' },
    records: { type: 'string', default: '100000' },
    pages: { type: 'string', default: '300' },
    pods: { type: 'string', default: '50' },
    idle: { type: 'string', default: '20' },
    in: { type: 'string', default: tmpdir() },
  },
})
const parts = values.only.split(',')
const directory = mkdtempSync(join(values.in, 'agenticore-bench-'))
mkdirSync(join(directory, 'redis'))
// As we recommend it; rewriting its log would fall on whoever is measured then.
const args = ['--save', '', '--appendonly', 'yes', '--appendfsync', 'everysec', '--auto-aof-rewrite-percentage', '0']
const redis = await startRedis({ directory: join(directory, 'redis'), args })
const place = (prefix: string) => ({ port: redis.port, prefix, directory: join(directory, 'journal') })

const line = (cells: readonly string[]): string =>
  cells.map((cell, column) => (column === 0 ? cell.padEnd(36) : cell.padStart(12))).join('')
const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN
const spread = (values: readonly number[], digits: number): string[] =>
  [Math.min(...values), median(values), Math.max(...values)].map(value => value.toFixed(digits))
const beside = (a: number | undefined, b: number | undefined): string =>
  `${((a ?? Number.NaN) / (b ?? Number.NaN)).toFixed(2)} ×`

function spreads(title: string, rows: readonly Figures[], against: (row: Figures) => Figures | undefined): void {
  console.log(line([title, 'p50 ms', 'p99 ms', 'p50', 'p99']))
  for (const row of rows) {
    const other = against(row)
    const ratios = other && other !== row ? [beside(row.median, other.median), beside(row.p99, other.p99)] : []
    console.log(line([row.name, row.median.toFixed(2), row.p99.toFixed(2), ...ratios]))
  }
  console.log('')
}

async function latency(): Promise<void> {
  for (const way of ['same process', 'another process'] as const) {
    const paced = { count: Number(values.jobs), pauseMs: 20 }
    const rows = await measureLatency(place(way.replace(' ', '-')), way, paced)
    spreads(`Submitted until started, ${way}`, rows, () => rows.at(-1))
  }
}

async function rates(): Promise<void> {
  for (const concurrency of values.concurrency.split(',').map(Number)) {
    const cleared = async (): Promise<void> => void (await redis.client.flushall())
    const how = { concurrency, rounds: Number(values.rounds), seconds: Number(values.seconds), cleared }
    const all = await measureRates(place(`rate-${concurrency}`), how)
    console.log(
      line([`Whole jobs a second, ${concurrency} at once`, 'min', 'median', 'max', '× min', '× median', '× max']),
    )
    for (const rate of all) console.log(line([rate.kind, ...spread(rate.perSecond, 0), ...pairs(rate, all.at(-1))]))
    console.log('')
  }
}

/** Each round against the other's of the same turn. */
function pairs(rate: Rates, other: Rates | undefined): string[] {
  if (!other || other === rate) return []
  return spread(
    rate.perSecond.map((each, round) => each / (other.perSecond[round] ?? Number.NaN)),
    2,
  )
}

async function listing(): Promise<void> {
  const rows = await measureListing(place('listing'), [1000, Number(values.records)], Number(values.pages))
  spreads('A page of 20', rows, row => rows[rows.indexOf(row) - (rows.indexOf(row) % 2)])
}

async function idle(): Promise<void> {
  const options = { client: redis.client, count: Number(values.pods), seconds: Number(values.idle) }
  console.log(line(['Commands a second, nothing to do', 'of clients', 'with inner']))
  for (const { name, commands, withInner } of await measureIdle(place('idle'), options)) {
    console.log(line([name, commands.toFixed(1), withInner.toFixed(1)]))
  }
}

try {
  const info = /redis_version:(\S+)/.exec(await redis.client.info('server'))?.[1]
  console.log(`Redis ${info} on the same machine, appendonly everysec; journal in ${values.in}. ${conditions()}\n`)
  for (const [name, part] of Object.entries({ latency, rate: rates, listing, idle }))
    if (parts.includes(name)) await part()
} finally {
  await redis.stop()
  rmSync(directory, { recursive: true, force: true })
}
