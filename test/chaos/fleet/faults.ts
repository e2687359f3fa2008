import { fill } from './full-disk.ts'
import { lane } from './lane.ts'
import type { ChaosPod } from './pod.ts'
import { type PodFaultsParts, podFaults } from './pod-faults.ts'
import { type RedisFaultsParts, redisFaults } from './redis-faults.ts'

export interface FaultParts extends Omit<RedisFaultsParts, 'killed'>, PodFaultsParts {
  readonly pods: readonly ChaosPod[]
  /** The disk that all of them share, where it may be filled. */
  readonly disk: string | undefined
}

/** Everything that goes wrong in a fleet, one thing after the other and some at the same time. */
export class Faults {
  readonly #parts: FaultParts
  readonly #isOver = new AbortController()
  /** How often each was made. */
  readonly counts = new Map<string, number>()
  readonly #redisKills: number[] = []

  constructor(parts: FaultParts) {
    this.#parts = parts
  }

  /** Moments at which a pod or Redis was ended, in ms since the epoch, ascending. */
  get kills(): number[] {
    return [...this.#parts.pods.flatMap(pod => pod.kills), ...this.#redisKills].sort((a, b) => a - b)
  }

  /** Until it is told to stop; resolves when everything is mended. */
  async make(everyMs: number): Promise<void> {
    const { random, disk, pods } = this.#parts
    const made = (name: string): void => void this.counts.set(name, (this.counts.get(name) ?? 0) + 1)
    const how = { signal: this.#isOver.signal, random, made }
    const redis = redisFaults({ ...this.#parts, killed: at => this.#redisKills.push(at) })
    const full = disk === undefined ? {} : { 'disk full': () => fill(disk, 3000 * random()) }
    await Promise.all([
      ...inPairs(pods).map(pair => lane(podFaults({ ...this.#parts, pods: pair }), { ...how, everyMs })),
      lane({ ...redis, ...full }, { ...how, everyMs: everyMs * (2 + random()) }),
    ])
    for (const pod of pods) {
      pod.proxy.mend()
      pod.proxy.delay(0)
    }
  }

  stop(): void {
    this.#isOver.abort()
  }
}

/** Of two something is wrong with one at a time, so that what is done to it is done to one that is there. */
function inPairs<T>(all: readonly T[]): T[][] {
  return Array.from({ length: Math.ceil(all.length / 2) }, (_, n) => all.slice(2 * n, 2 * n + 2))
}
