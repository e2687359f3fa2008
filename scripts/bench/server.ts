/** What a daemon under load answers how fast, beside a bare fastify in the same run; and pages of few and many records. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { encodeRecord } from '../../src/jobs/record.ts'
import { claimed, finished } from '../../src/jobs/states.ts'
import { newJob } from '../../test/helpers/jobs.ts'
import { conditions } from './measure.ts'
import { Connections, Times } from './server-client.ts'
import { startDaemon, startHello } from './server-processes.ts'

const { values } = parseArgs({
  options: {
    jobs: { type: 'string', default: '5000' },
    connections: { type: 'string', default: '200' },
    seconds: { type: 'string', default: '10' },
    records: { type: 'string', default: '100000' },
  },
})
const connections = Number(values.connections)
const ms = Number(values.seconds) * 1000
const goal = 1.5
const place = mkdtempSync(join(tmpdir(), 'agenticore-bench-'))
const note = (text: string): void => console.error(text)

function print(title: string, all: readonly Times[]): void {
  console.log(`\n${title}\n`)
  console.log(['request'.padEnd(34), 'a second', 'p50 ms', 'p99 ms', 'failed'].join('  '))
  for (const times of all) {
    const [name, perSecond, p50, p99, failed] = times.row()
    console.log(
      [
        name.padEnd(34),
        perSecond.toFixed(0).padStart(8),
        p50.toFixed(1).padStart(6),
        p99.toFixed(1).padStart(6),
        String(failed).padStart(6),
      ].join('  '),
    )
  }
}

/** A bare fastify, with as many connections. */
async function peer(): Promise<Times> {
  const served = await startHello()
  const client = new Connections(served.url, connections)
  const times = new Times(`fastify "hello", ${connections} connections`)
  await client.busy(ms / 2, () => client.ask(times, 'GET', '/'))
  client.close()
  await served.stop()
  return times
}

/** So many jobs come in at once; then some submit, some list, some look, some follow, all at the same time. */
async function load(): Promise<void> {
  const served = await startDaemon(join(place, 'load'), { AGENTICORE_MAX_PARALLEL_JOBS: '2' })
  await delay(2000)
  const before = served.memory()
  const client = new Connections(served.url, connections)
  const burst = new Times(`POST /jobs, ${connections} connections`)
  const ids: string[] = []
  let left = Number(values.jobs)
  const submit = async (): Promise<void> => {
    while (left-- > 0) ids.push(JSON.parse(await client.ask(burst, 'POST', '/jobs', { task: 'bench' })).job.id)
  }
  await Promise.all(Array.from({ length: connections }, submit))
  print(`${values.jobs} jobs come in; two run at a time`, [burst])
  const some = (): string => ids[Math.floor(Math.random() * ids.length)] ?? ''
  const mixed = ['POST /jobs', 'GET /jobs?limit=20', 'GET /jobs/{id}', 'GET /status'].map(name => new Times(name))
  const first = new Times('GET /jobs/{id}/events, first byte')
  const [post, list, look, status] = mixed
  if (!post || !list || !look || !status) throw new Error('there are four')
  const kinds = [
    () => client.ask(post, 'POST', '/jobs', { task: 'bench' }),
    () => client.ask(list, 'GET', '/jobs?limit=20'),
    () => client.ask(look, 'GET', `/jobs/${some()}`),
    () => client.ask(status, 'GET', '/status'),
  ]
  const streams = new Connections(served.url, connections)
  const opened = await Promise.all(
    Array.from({ length: connections / 2 }, () => streams.open(first, `/jobs/${some()}/events`)),
  )
  await client.busy(ms, n => kinds[n % kinds.length]?.() ?? Promise.resolve())
  for (const stream of opened) stream.destroy()
  print(`All at once, ${connections / kinds.length} connections each, ${opened.length} streams open`, [
    ...mixed,
    first,
    await peer(),
  ])
  client.close()
  streams.close()
  await delay(3000)
  const after = served.memory()
  const mebi = (amount: number): string => `${amount.toFixed(0)} MiB`
  console.log(`\nMemory: ${mebi(before.now)} before, ${mebi(after.peak)} at most, ${mebi(after.now)} after.`)
  await served.stop()
}

/** A page of 20 among so many records, one connection, while somebody submits. */
async function pages(records: number): Promise<Times> {
  const home = join(place, `pages-${records}`)
  const jobs = join(home, '.agenticore/jobs')
  await mkdir(jobs, { recursive: true })
  const start = Date.now() - records * 10
  for (let n = 0; n < records; n++) {
    const at = new Date(start + n * 10)
    const running = claimed(newJob(at), { fence: 1, podName: 'bench', bootId: 'bench', at })
    const job = finished(running, { status: 'succeeded', facts: { output: 'done', totalCostUsd: 0.1 } }, at)
    writeFileSync(join(jobs, `${job.id}.json`), `${JSON.stringify(encodeRecord(job))}\n`)
  }
  const served = await startDaemon(home, { AGENTICORE_MIN_FREE_DISK: '900TiB' })
  const client = new Connections(served.url, 2)
  const times = new Times(`GET /jobs?limit=20 of ${records.toLocaleString('en')}`)
  await client.ask(new Times(''), 'GET', '/jobs?limit=20')
  const over = performance.now() + ms
  const submitting = (async () => {
    for (; performance.now() < over; await delay(100))
      await client.ask(new Times(''), 'POST', '/jobs', { task: 'bench' })
  })()
  for (; performance.now() < over; await delay(5)) await client.ask(times, 'GET', '/jobs?limit=20')
  await submitting
  client.close()
  await served.stop()
  return times
}

try {
  console.log(conditions())
  await load()
  note(`Writing ${values.records} records …`)
  const [few, many] = [await pages(100), await pages(Number(values.records))]
  print('A page, while somebody submits ten jobs a second', [few, many])
  const ratio = many.row()[2] / few.row()[2]
  console.log(`\np50 of many against few: ${ratio.toFixed(2)} × (goal ${goal} ×)`)
} finally {
  rmSync(place, { recursive: true, force: true })
}
