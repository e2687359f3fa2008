import * as fc from 'fast-check'
import type { Test } from 'tap'
import { steps } from './store-model.ts'
import { type Place, World } from './store-world.ts'

/** Random lives of jobs, in which processes die anywhere, against a store and the model of it; `FC_SEED` repeats one. */
export async function heldAgainstModel(
  t: Test,
  open: () => Promise<Place & { close(): void }>,
  { runs }: { readonly runs: number },
): Promise<void> {
  let kills = 0
  const property = fc.asyncProperty(steps, async taken => {
    const place = await open()
    const world = new World(place)
    try {
      await world.open()
      for (const step of taken) await world.take(step)
    } finally {
      kills += world.kills
      await world.close()
      place.close()
    }
  })
  const seed = Number(process.env.FC_SEED ?? Date.now() % 2 ** 31)
  t.comment(`seed ${seed}`)
  await fc.assert(property, { numRuns: runs, seed, includeErrorInReport: true })
  t.ok(kills > 5, `${kills} processes died in the middle of a step`)
}
