import { mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import * as fc from 'fast-check'
import t from 'tap'
import { steps } from './store-model.ts'
import { World } from './store-world.ts'

t.test('the file store does what the model does, whoever dies wherever', async t => {
  const root = t.testdir()
  let kills = 0
  const property = fc.asyncProperty(steps, async taken => {
    const place = mkdtempSync(join(root, 'run-'))
    const world = new World(place)
    await world.open()
    try {
      for (const step of taken) await world.take(step)
    } finally {
      kills += world.kills
      await world.close()
      rmSync(place, { recursive: true })
    }
  })
  const seed = Number(process.env.FC_SEED ?? Date.now() % 2 ** 31)
  t.comment(`seed ${seed}`)
  await fc.assert(property, { numRuns: 200, seed, includeErrorInReport: true })
  t.ok(kills > 5, `${kills} processes died in the middle of a step`)
})
