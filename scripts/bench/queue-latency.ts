import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { type Figures, figures } from './measure.ts'
import { consume, type Kind, kinds, type Place, produce } from './queues.ts'

export type Way = 'same process' | 'another process'

/** Of every job, when it was started, in ms on the clock that all processes of a machine share. */
type Starts = ReadonlyMap<string, number>

interface Follower {
  /** Ends it. */
  starts(): Promise<Starts>
}

const nowMs = (): number => Number(process.hrtime.bigint()) / 1e6
const warmUp = 20

/** From before a job is handed over until its worker's code could run, one job of one kind in turn and nothing else to do. */
export async function measureLatency(place: Place, way: Way, { count, pauseMs }: { count: number; pauseMs: number }) {
  const lanes = await Promise.all(
    kinds.map(async kind => {
      const there = { ...place, prefix: `${place.prefix}-${kinds.indexOf(kind)}` }
      const follower = way === 'same process' ? await followHere(kind, there) : await followThere(kind, there)
      return { kind, producer: await produce(kind, there), follower, submitted: new Map<string, number>() }
    }),
  )
  for (let turn = -warmUp; turn < count; turn++) {
    for (const { producer, submitted } of lanes) {
      await delay(pauseMs)
      const atMs = nowMs()
      const id = await producer.submit()
      if (turn >= 0) submitted.set(id, atMs)
    }
  }
  await delay(500)
  const rows: Figures[] = []
  for (const { kind, producer, follower, submitted } of lanes) {
    const starts = await follower.starts()
    const times = [...submitted].map(([id, atMs]) => (starts.get(id) ?? Number.NaN) - atMs)
    if (times.some(Number.isNaN)) throw new Error(`${kind}: a job was not started`)
    rows.push(figures(kind, times))
    await producer.close()
  }
  return rows
}

async function followHere(kind: Kind, place: Place): Promise<Follower> {
  const starts = new Map<string, number>()
  const started = (id: string): void => void starts.set(id, nowMs())
  const consumer = await consume(kind, place, { concurrency: 1, started, over: () => undefined })
  return {
    async starts() {
      await consumer.close()
      return starts
    },
  }
}

async function followThere(kind: Kind, { port, prefix, directory }: Place): Promise<Follower> {
  const file = join(import.meta.dirname, 'queue-consumer.ts')
  const child = fork(file, [String(kinds.indexOf(kind)), String(port), prefix, directory])
  await once(child, 'message')
  return {
    async starts() {
      const exit = once(child, 'exit')
      child.send('report')
      const [started] = await once(child, 'message')
      await exit
      return new Map<string, number>(started)
    },
  }
}
