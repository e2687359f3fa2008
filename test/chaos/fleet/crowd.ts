import { setTimeout as delay } from 'node:timers/promises'
import { type Clients, isOver, type Seen } from '../daemon/clients.ts'

export interface CrowdParts {
  readonly clients: Clients
  readonly jobs: number
  /** Some work on it. */
  readonly cloneUrl: string
  /** In [0, 1). */
  random(): number
}

const lanes = 8
/** Nobody submits while more than so many wait: all the time somebody submits, and something runs. */
const mostActive = 120
const lookEveryMs = 500

/** Those who use a fleet: they submit, some of it twice, cancel and follow, until all of their jobs are over. */
export class Crowd {
  readonly #parts: CrowdParts
  /** The ids that each key was answered with. */
  readonly accepted = new Map<string, Set<string>>()
  readonly cancelled = new Set<string>()
  readonly followed = new Map<string, Promise<string[]>>()
  /** As they have ended. */
  readonly over = new Map<string, Seen>()
  #active = 0
  #submitted = false

  constructor(parts: CrowdParts) {
    this.#parts = parts
  }

  /** @param nearTheEnd called when there is no more than a twentieth left: what is asserted is that all of them end, not that faults do */
  async use(limitMs: number, nearTheEnd: () => void): Promise<void> {
    const shareOf = (lane: number): number => Math.ceil((this.#parts.jobs - lane) / lanes)
    const submitting = Promise.all(Array.from({ length: lanes }, (_, n) => this.#submitAll(n, shareOf(n))))
    const submitted = submitting.then(() => {
      this.#submitted = true
    })
    await Promise.all([submitted, this.#watch(limitMs, nearTheEnd)])
  }

  /** Every fiftieth works on the repository. */
  async #submitAll(lane: number, count: number): Promise<void> {
    const { clients, cloneUrl, random } = this.#parts
    for (let n = 0; n < count; n++) {
      while (this.#active > mostActive) await delay(lookEveryMs)
      const key = `${lane}-${n}`
      const body = { task: `job ${key}`, idempotency_key: key, ...(n % 50 === 0 ? { repo_url: cloneUrl } : {}) }
      const { id } = await clients.submit(body)
      const ids = new Set([id])
      this.accepted.set(key, ids)
      const dice = random()
      if (dice < 0.2) ids.add((await clients.submit(body)).id)
      else if (dice < 0.25) await this.#cancel(id)
      else if (dice < 0.3) this.followed.set(id, clients.follow(id))
    }
  }

  async #cancel(id: string): Promise<void> {
    const job = await this.#parts.clients.cancel(id)
    if (job.status === 'cancelled' || !isOver(job)) this.cancelled.add(id)
  }

  async #watch(limitMs: number, nearTheEnd: () => void): Promise<void> {
    const { clients } = this.#parts
    const end = performance.now() + limitMs
    while (performance.now() < end) {
      const active = new Set([...(await clients.ids('queued')), ...(await clients.ids('running'))])
      this.#active = active.size
      const ids = this.#ids
      for (const id of ids) if (!active.has(id) && !this.over.has(id)) await this.#look(id)
      if (this.#submitted && this.over.size === ids.size) return
      if (this.#submitted && this.over.size > ids.size * 0.95) nearTheEnd()
      await delay(lookEveryMs)
    }
  }

  async #look(id: string): Promise<void> {
    const job = await this.#parts.clients.job(id)
    if (isOver(job)) this.over.set(id, job)
  }

  get #ids(): Set<string> {
    return new Set([...this.accepted.values()].flatMap(each => [...each]))
  }
}
