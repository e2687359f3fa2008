/** How long a command takes to start, beside the bare Node it runs on. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'
import { FileJobStore } from '../../src/store/file/store.ts'
import { FileJournal } from '../../src/store/journal/journal.ts'
import { systemClock } from '../../src/util/clock.ts'
import { newJob } from '../../test/helpers/jobs.ts'
import { conditions, interleave, report, roundsFrom } from './measure.ts'

const root = join(import.meta.dirname, '../..')
const home = mkdtempSync(join(tmpdir(), 'agenticore-bench-'))
const listed = 20

async function fillStore(): Promise<void> {
  const directory = join(home, '.agenticore/jobs')
  const journal = await FileJournal.open(directory)
  const store = await FileJobStore.open(directory, {
    journal,
    clock: systemClock,
    warn: message => console.error(message),
  })
  for (let n = 0; n < listed; n++) await store.submit(newJob(new Date(Date.now() + n)))
}

const run = (file: string, args: string[]) => async (): Promise<undefined> => {
  await execa(file, args, { env: { PATH: process.env.PATH ?? '', HOME: home }, extendEnv: false, stdio: 'ignore' })
}

try {
  await fillStore()
  const agenticore = join(root, 'bin/agenticore')
  const rows = await interleave(
    [
      { name: 'node -e 0', run: run(process.execPath, ['-e', '0']) },
      { name: 'agenticore --version', run: run(agenticore, ['--version']) },
      { name: `agenticore jobs (${listed} rows)`, run: run(agenticore, ['jobs']) },
      { name: 'agenticore help', run: run(agenticore, ['help']) },
    ],
    roundsFrom(process.argv, 30),
  )
  const bare = rows[0]?.median ?? Number.NaN
  const goals: Record<string, string> = {
    'agenticore --version': ' (goal 1.2 ×)',
    [`agenticore jobs (${listed} rows)`]: ' (goal 3 ×)',
  }
  console.log(`Whole processes, in turns. ${conditions()}\n`)
  console.log(report(rows, row => `${(row.median / bare).toFixed(2)} ×${goals[row.name] ?? ''}`))
} finally {
  rmSync(home, { recursive: true, force: true })
}
