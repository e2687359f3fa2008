import { setTimeout as delay } from 'node:timers/promises'
import type { Kinds } from './lane.ts'
import type { ChaosPod } from './pod.ts'

export interface PodFaultsParts {
  readonly pods: readonly ChaosPod[]
  readonly leaseMs: number
  /** In [0, 1). */
  random(): number
}

/** What goes wrong with a pod and its wire to Redis. */
export function podFaults({ pods, leaseMs, random }: PodFaultsParts): Kinds {
  const pod = (): ChaosPod => {
    const one = pods[Math.floor(random() * pods.length)]
    if (!one) throw new Error('there are no pods')
    return one
  }
  return {
    killed: () => pod().kill(),
    'lost with its machine': () => pod().lose(leaseMs * 2 * random()),
    'stood still': () => pod().freeze(leaseMs * (0.5 + random())),
    replaced: () => pod().replace(),
    'cut off': () => cutOff(pod(), leaseMs * 3 * random()),
    'half-open wires': () => halfOpen(pod(), leaseMs * 1.5),
    'slow wire': () => slow(pod(), 1000 * random()),
    'lost replies': async () => {
      for (let n = 0; n < 5; n++) {
        pod().proxy.swallow('')
        await delay(200)
      }
    },
  }
}

async function cutOff({ proxy, troubles }: ChaosPod, ms: number): Promise<void> {
  const mended = troubles.begin('cut off')
  proxy.cut()
  await delay(ms)
  proxy.mend()
  mended()
}

/** Its connections carry nothing and stay open; it has to notice that by itself. */
async function halfOpen({ proxy, troubles }: ChaosPod, ms: number): Promise<void> {
  const mended = troubles.begin('half-open wires')
  proxy.hang()
  await delay(ms)
  mended()
}

async function slow({ proxy }: ChaosPod, ms: number): Promise<void> {
  proxy.delay(ms)
  await delay(3000)
  proxy.delay(0)
  proxy.reset()
}
