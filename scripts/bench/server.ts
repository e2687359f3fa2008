/** How `agenticore serve` answers when 200 connections want something at once and 5,000 jobs wait; and a page of jobs among many. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { encodeRecord } from '../../src/jobs/record.ts'
import { claimed, finished } from '../../src/jobs/states.ts'
import { newJob } from '../../test/helpers/jobs.ts'
import { Connection, get, type Load, post, type Spread, sendInTurn, sendLoads, spreadOf } from './load.ts'
import { conditions } from './measure.ts'
import { Served } from './served.ts'

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '5' },
    jobs: { type: 'string', default: '5000' },
    records: { type: 'string', default: '100000' },
    pages: { type: 'string', default: '1000' },
    in: { type: 'string', default: tmpdir() },
  },
})
const seconds = Number(values.seconds)
const place = mkdtempSync(join(values.in, 'agenticore-bench-'))
const body = JSON.stringify({ task: 'Say hello and change nothing' })
const submission = post('/jobs', body)
const page = get('/jobs?limit=20')
const ratioGoal = 1.5

const line = (cells: readonly string[]): string =>
  cells.map((cell, column) => (column === 0 ? cell.padEnd(38) : cell.padStart(12))).join('')

function row({ name, count, perSecond, p50, p99 }: Spread, bare?: Spread): string {
  const against = bare ? `${(perSecond / bare.perSecond).toFixed(3)} ×` : ''
  return line([name, String(count), perSecond.toFixed(0), p50.toFixed(2), p99.toFixed(2), against])
}

const heading = (title: string): string => line([title, 'answers', 'per second', 'p50 ms', 'p99 ms', 'bare'])

/** All of one kind in turn on all connections, beside the bare server; then all kinds at once. */
async function measureRoutes(): Promise<void> {
  const hello = await Served.hello()
  const served = await Served.agenticore(join(place, 'queue'))
  try {
    const before = served.memory.now
    const [running, queued] = await fillQueue(served)
    const full = served.memory.now
    const events = { isStream: true, request: () => get(`/jobs/${running}/events`) }
    const kinds: readonly Omit<Load, 'connections'>[] = [
      { name: 'GET /status', request: () => get('/status') },
      { name: 'GET /jobs/{id}', request: () => get(`/jobs/${queued}`) },
      { name: 'GET /jobs?limit=20', request: () => page },
      { name: 'GET /jobs/{id}/events, first event', ...events },
      { name: 'POST /jobs', request: () => submission },
    ]
    console.log(heading('Each alone, 200 connections'))
    const bareGet = await alone(hello, { name: 'bare fastify, GET', request: () => get('/') })
    const barePost = await alone(hello, { name: 'bare fastify, POST', request: () => post('/', body) })
    console.log(row(bareGet))
    console.log(row(barePost))
    for (const kind of kinds) {
      console.log(row(await alone(served, kind), kind.name.startsWith('POST') ? barePost : bareGet))
    }
    console.log(`\n${heading('All at once, 40 connections each')}`)
    const loads = kinds.map(kind => ({ ...kind, connections: 40 }))
    for (const spread of await sendLoads(served.port, loads, seconds * 2)) console.log(row(spread))
    const { peak } = served.memory
    const waiting = await waitingAt(served)
    await delay(10_000)
    const mib = [before, full, peak, served.memory.now].map(each => each.toFixed(0))
    console.log(
      `\nMemory (RSS, MiB): ${mib[0]} at the start, ${mib[1]} with ${values.jobs} jobs waiting, ${mib[2]} at most, ${mib[3]} ten seconds after the end with ${waiting} jobs waiting; bare fastify ${hello.memory.peak.toFixed(0)} at most.`,
    )
  } finally {
    await Promise.all([hello.stop(), served.stop()])
  }
}

const alone = async (served: Served, load: Omit<Load, 'connections'>): Promise<Spread> => {
  const [spread] = await sendLoads(served.port, [{ ...load, connections: 200 }], seconds)
  if (!spread) throw new Error('nothing was measured')
  return spread
}

/** @returns a job that runs and one that waits */
async function fillQueue({ port }: Served): Promise<[string, string]> {
  const connection = await Connection.open(port)
  const { id } = JSON.parse(await connection.ask(submission)).job
  while (!(await connection.ask(get(`/jobs/${id}`))).includes('"session_id"')) await delay(50)
  const queued = JSON.parse(await connection.ask(submission)).job.id
  connection.close()
  const lanes = 50
  await Promise.all(
    Array.from({ length: lanes }, () =>
      sendInTurn(port, { name: 'fill', request: () => submission }, Number(values.jobs) / lanes),
    ),
  )
  return [id, queued]
}

async function waitingAt({ port }: Served): Promise<number> {
  const connection = await Connection.open(port)
  const { queued } = JSON.parse(await connection.ask(get('/status')))
  connection.close()
  return queued
}

/** Records of jobs that have ended, written as they would be, but for waiting for the disk. */
function fillRecords(home: string, count: number): void {
  const directory = join(home, '.agenticore/jobs')
  mkdirSync(directory, { recursive: true })
  const start = Date.now() - 60_000
  for (let n = 0; n < count; n++) {
    const at = new Date(start + (50_000 * n) / count)
    const running = claimed(newJob(at, { repoUrl: '' }), { fence: 1, podName: 'bench', bootId: 'bench', at })
    const facts = { sessionId: crypto.randomUUID(), totalCostUsd: 0.1, output: 'x'.repeat(500) }
    const ended = finished(running, { status: 'succeeded', facts }, at)
    writeFileSync(join(directory, `${ended.id}.json`), `${JSON.stringify(encodeRecord(ended))}\n`)
  }
}

const turns = 4

/** A page among a hundred and among many, in turns, while somebody submits. */
async function measurePages(): Promise<void> {
  const sizes = [100, Number(values.records)]
  const beds = []
  for (const size of sizes) {
    const home = join(place, `records-${size}`)
    fillRecords(home, size)
    const served = await Served.agenticore(home)
    beds.push({ size, served, times: [] as number[] })
    // The first look is at all of them.
    await sendInTurn(served.port, { name: 'first', request: () => page }, 1)
  }
  try {
    for (let turn = 0; turn < turns; turn++) {
      for (const { served, times } of beds) {
        const load = { name: 'page', request: () => page, pauseMs: 5 }
        const pages = sendInTurn(served.port, load, Number(values.pages) / turns)
        const over = pages.then(() => true)
        while (!(await Promise.race([over, delay(50, false)]))) {
          await sendInTurn(served.port, { name: 'submission', request: () => submission }, 1)
        }
        times.push(...(await pages))
      }
    }
    console.log(`\n${line(['A page of 20, a submission every 50 ms', 'answers', '', 'p50 ms', 'p99 ms'])}`)
    const [few, many] = beds.map(({ size, times }) => spreadOf(`among ${size.toLocaleString('en')}`, times, 1))
    if (!few || !many) throw new Error('nothing was measured')
    for (const { name, count, p50, p99 } of [few, many]) {
      console.log(line([name, String(count), '', p50.toFixed(2), p99.toFixed(2)]))
    }
    const [p50, p99] = [many.p50 / few.p50, many.p99 / few.p99]
    console.log(`p50 ${p50.toFixed(2)} × (goal ${ratioGoal} ×), p99 ${p99.toFixed(2)} ×`)
  } finally {
    await Promise.all(beds.map(({ served }) => served.stop()))
  }
}

try {
  console.log(`Servers and client share the machine; files in ${values.in}. ${conditions()}\n`)
  await measureRoutes()
  await measurePages()
} finally {
  rmSync(place, { recursive: true, force: true })
}
