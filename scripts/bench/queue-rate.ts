import { setTimeout as delay } from 'node:timers/promises'
import { consume, type Kind, kinds, type Place, produce } from './queues.ts'

export interface RateOptions {
  readonly concurrency: number
  readonly rounds: number
  /** How long producers go on; what waits then is worked off, and counts. */
  readonly seconds: number
  /** Between rounds, when nobody is connected. */
  cleared(): Promise<void>
}

export interface Rates {
  readonly kind: Kind
  /** Jobs a second, a figure a round. */
  readonly perSecond: number[]
}

/** Jobs that are submitted, claimed and finished in a second, the kinds in turn: each round of one is beside one of the others. */
export async function measureRates(place: Place, options: RateOptions): Promise<Rates[]> {
  const all = kinds.map((kind): Rates => ({ kind, perSecond: [] }))
  for (let round = -1; round < options.rounds; round++) {
    for (const { kind, perSecond } of all) {
      const rate = await oneRound(kind, { ...place, prefix: `${place.prefix}-${crypto.randomUUID()}` }, options)
      // The first one warms up.
      if (round >= 0) perSecond.push(rate)
      await options.cleared()
    }
  }
  return all
}

/** So many jobs for each place wait at most: what is measured is all three steps, and not a pile that is worked off. */
const waitingEach = 20

async function oneRound(kind: Kind, place: Place, { concurrency, seconds }: RateOptions): Promise<number> {
  const done = Promise.withResolvers<void>()
  let [submitted, ended, isComplete] = [0, 0, false]
  const over = (): void => {
    ended += 1
    if (isComplete && ended === submitted) done.resolve()
  }
  const consumer = await consume(kind, place, { concurrency, started: () => undefined, over })
  const producer = await produce(kind, place)
  const startMs = performance.now()
  const untilMs = startMs + seconds * 1000
  const lane = async (): Promise<void> => {
    while (performance.now() < untilMs) {
      if (submitted - ended >= waitingEach * concurrency) await delay(1)
      else {
        await producer.submit()
        submitted += 1
      }
    }
  }
  await Promise.all(Array.from({ length: concurrency }, lane))
  isComplete = true
  if (ended < submitted) await done.promise
  const tookMs = performance.now() - startMs
  await producer.close()
  await consumer.close()
  return (ended / tookMs) * 1000
}
