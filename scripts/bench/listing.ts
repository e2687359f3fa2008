/** How long a page of 20 jobs takes among 100 and among 100,000, in a process that submits jobs all the while. */
import { mkdtempSync, rmSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { encodeRecord } from '../../src/jobs/record.ts'
import { claimed, finished } from '../../src/jobs/states.ts'
import { FileJobStore } from '../../src/store/file/store.ts'
import { FileJournal } from '../../src/store/journal/journal.ts'
import { inBatches } from '../../src/util/batches.ts'
import { systemClock } from '../../src/util/clock.ts'
import { newJob } from '../../test/helpers/jobs.ts'
import { conditions, type Figures, figures, report, roundsFrom } from './measure.ts'

const sizes = [100, 100_000]
const turns = 4
const limit = 20
/** Between two listings, and between two submissions. */
const [listEveryMs, submitEveryMs] = [10, 50]
const goal = 1.5
const place = mkdtempSync(join(tmpdir(), 'agenticore-bench-'))

interface Filled {
  readonly records: number
  readonly store: FileJobStore
  readonly times: number[]
}

/** Records of jobs that have ended, written as they would be, but for waiting for the disk. */
async function fill(records: number): Promise<Filled> {
  const root = join(place, String(records))
  const journal = await FileJournal.open(root)
  const store = await FileJobStore.open(root, { journal, clock: systemClock, warn: console.error })
  const startMs = Date.now() - 60_000
  await inBatches(Array.from({ length: records }), async () => {
    const at = new Date(startMs + Math.random() * 50_000)
    const running = claimed(newJob(at), { fence: 1, podName: 'bench', bootId: 'bench', at })
    const facts = { sessionId: crypto.randomUUID(), totalCostUsd: 0.1, output: 'x'.repeat(500) }
    const ended = finished(running, { status: 'succeeded', facts }, at)
    await writeFile(join(root, `${ended.id}.json`), `${JSON.stringify(encodeRecord(ended))}\n`)
  })
  await store.list({ limit })
  return { records, store, times: [] }
}

async function submitting(store: FileJobStore, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await store.submit(newJob(new Date()))
    await delay(submitEveryMs)
  }
}

async function listing({ store, times }: Filled, rounds: number): Promise<void> {
  for (let n = 0; n < rounds; n++) {
    const started = performance.now()
    const page = await store.list({ limit })
    times.push(performance.now() - started)
    if (page.length !== limit) throw new Error(`A page of ${page.length}`)
    await delay(listEveryMs)
  }
}

try {
  const filled: Filled[] = []
  for (const records of sizes) filled.push(await fill(records))
  const rounds = roundsFrom(process.argv, 1000)
  for (let turn = 0; turn < turns; turn++) {
    for (const each of filled) {
      const over = new AbortController()
      const background = submitting(each.store, over.signal)
      await listing(each, rounds / turns)
      over.abort()
      await background
    }
  }
  for (const { store } of filled) await store.close()
  const rows = filled.map(({ records, times }) => figures(`${limit} of ${records.toLocaleString('en')}`, times))
  const [few, many] = rows
  if (!few || !many) throw new Error('nothing was measured')
  const ratio = (of: (row: Figures) => number): string => (of(many) / of(few)).toFixed(2)
  const load = `a submission every ${submitEveryMs} ms beside them`
  console.log(`${rounds} listings of each, in turns, in one process; ${load}. ${conditions()}\n`)
  console.log(report(rows, row => `p99 ${row.p99.toFixed(1)}, longest ${row.max.toFixed(1)}`, 1))
  console.log(`\np50 ${ratio(row => row.median)} × (goal ${goal} ×), p99 ${ratio(row => row.p99)} ×`)
} finally {
  rmSync(place, { recursive: true, force: true })
}
