import { mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { FileJobStore } from '../../src/store/file/store.ts'
import { FileJournal } from '../../src/store/journal/journal.ts'
import { type Point, scenarios } from '../fixtures/store/scenarios.ts'
import { heldAgainstModel } from './store-property.ts'
import type { Place } from './store-world.ts'

const points: readonly Point[] = [
  ...new Set<Point>([...Object.values(scenarios).map(scenario => scenario.at), 'sweep: key dropped']),
]

async function placeIn(root: string): Promise<Place & { close(): void }> {
  const directory = mkdtempSync(join(root, 'run-'))
  const journal = await FileJournal.open(directory)
  return {
    points,
    broken: 'stranded',
    open: parts => FileJobStore.open(directory, parts),
    openJournal: reached => FileJournal.open(directory, reached),
    peek: id => journal.read(id),
    close: () => rmSync(directory, { recursive: true }),
  }
}

t.test('the file store does what the model does, whoever dies wherever', async t => {
  const root = t.testdir()
  await heldAgainstModel(t, () => placeIn(root), { runs: 200 })
})
