import { setTimeout as delay } from 'node:timers/promises'
import { Redis } from 'ioredis'
import type { Place } from './place.ts'

export interface ScaleSample {
  /** On `performance.now()`'s clock. */
  readonly atMs: number
  readonly queue: number
  readonly floor: number
}

/** What KEDA sees, looked at several times a second; while Redis is away, nothing. */
export class ScaleSamples implements AsyncDisposable {
  readonly all: ScaleSample[] = []
  readonly redis: Redis
  readonly #stop = new AbortController()
  readonly #looking: Promise<void>

  constructor(place: Place) {
    const { password } = place.wish
    this.redis = new Redis({
      host: `redis.${place.namespace}.svc.cluster.local`,
      ...(password === undefined ? {} : { password }),
      connectTimeout: 1000,
      maxRetriesPerRequest: 0,
      enableOfflineQueue: false,
      retryStrategy: () => 200,
    })
    this.redis.on('error', () => undefined)
    this.#looking = this.#look()
  }

  get now(): ScaleSample | undefined {
    return this.all.at(-1)
  }

  /** How many replicas the formula has asked for since then, by what was seen. */
  wanted(sinceMs: number, untilMs: number, listLength: number): Set<number> {
    const fitting = this.all.filter(({ atMs }) => atMs >= sinceMs && atMs <= untilMs)
    // The HPA rounds up; thousandths are what KEDA tells it.
    return new Set(fitting.map(({ queue, floor }) => Math.ceil(Number((floor + queue / listLength).toFixed(3)))))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    await this.#looking
    this.redis.disconnect()
  }

  async #look(): Promise<void> {
    const { signal } = this.#stop
    while (!signal.aborted) {
      try {
        const [queue, floor] = await Promise.all([
          this.redis.llen('agenticore:queue'),
          this.redis.scard('agenticore:scale:floor'),
        ])
        this.all.push({ atMs: performance.now(), queue, floor })
      } catch {
        // Away.
      }
      await delay(250, undefined, { signal }).catch(() => undefined)
    }
  }
}
