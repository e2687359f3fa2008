import { closeSync, openSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { RedisUnderTest } from '../../helpers/redis.ts'
import type { ChaosPod } from './pod.ts'

export interface FaultParts {
  readonly pods: readonly ChaosPod[]
  readonly redis: RedisUnderTest
  /** The disk that all of them share, where it may be filled. */
  readonly disk: string | undefined
  readonly leaseMs: number
  /** In [0, 1). */
  random(): number
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
    const { random } = this.#parts
    const lanes = [this.#lane(this.#ofPods(), everyMs), this.#lane(this.#ofRedis(), everyMs * (2 + random()))]
    await Promise.all(lanes)
    for (const pod of this.#parts.pods) {
      pod.proxy.mend()
      pod.proxy.delay(0)
    }
  }

  stop(): void {
    this.#isOver.abort()
  }

  async #lane(faults: Readonly<Record<string, () => Promise<void>>>, everyMs: number): Promise<void> {
    const names = Object.keys(faults)
    const { signal } = this.#isOver
    while (!signal.aborted) {
      await delay(everyMs * (0.5 + this.#parts.random()), undefined, { signal }).catch(() => undefined)
      const name = names[Math.floor(this.#parts.random() * names.length)] ?? ''
      if (signal.aborted) return
      this.counts.set(name, (this.counts.get(name) ?? 0) + 1)
      await faults[name]?.()
    }
  }

  get #pod(): ChaosPod {
    const { pods, random } = this.#parts
    const pod = pods[Math.floor(random() * pods.length)]
    if (!pod) throw new Error('there are no pods')
    return pod
  }

  #ofPods(): Record<string, () => Promise<void>> {
    const { leaseMs, random } = this.#parts
    return {
      kill: () => this.#pod.kill(),
      freeze: () => this.#pod.freeze(leaseMs * (0.5 + random())),
      replace: () => this.#pod.replace(),
      'cut off': () => this.#cutOff(this.#pod, leaseMs * 1.5 * random()),
      delay: () => this.#slow(this.#pod, 1000 * random()),
      'lose replies': async () => {
        for (let n = 0; n < 5; n++) {
          this.#pod.proxy.swallow('')
          await delay(200)
        }
      },
    }
  }

  #ofRedis(): Record<string, () => Promise<void>> {
    const { redis, disk, random } = this.#parts
    const quietly = (work: Promise<unknown>): Promise<void> => work.then(() => undefined).catch(() => undefined)
    const restart = async (downMs: number): Promise<void> => {
      await redis.kill()
      this.#redisKills.push(Date.now())
      await delay(downMs)
      await redis.start()
    }
    return {
      'snapshot of Redis': () => quietly(redis.client.save()),
      'Redis killed, back with its last snapshot': () => restart(2000 * random()),
      FLUSHALL: () => quietly(redis.client.flushall()),
      ...(disk === undefined ? {} : { 'full disk': () => fill(disk, 3000 * random()) }),
    }
  }

  async #cutOff({ proxy }: ChaosPod, ms: number): Promise<void> {
    proxy.cut()
    await delay(ms)
    proxy.mend()
  }

  async #slow({ proxy }: ChaosPod, ms: number): Promise<void> {
    proxy.delay(ms)
    await delay(3000)
    proxy.delay(0)
    proxy.reset()
  }
}

/** To its last block, for so long. */
async function fill(disk: string, ms: number): Promise<void> {
  const ballast = join(disk, 'ballast')
  const file = openSync(ballast, 'w')
  const block = Buffer.alloc(65_536)
  try {
    for (;;) writeSync(file, block)
  } catch {
    // It is full: that is what was wanted.
    await delay(ms)
  } finally {
    closeSync(file)
    rmSync(ballast)
  }
}
