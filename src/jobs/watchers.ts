import { fingerprint } from '../util/fingerprint.ts'
import { type Job, type JobId, withoutOutput } from './job.ts'

/** What a watcher remembers of what it has told; jobs beyond that may be told a second time. */
const mostTold = 5000
/** Those who keep up with each other read a record once between them. Records can be large. */
const mostReadings = 64

export interface WatchersParts {
  /** The job as it is now. */
  look(id: JobId): Promise<Job | undefined>
  /** Told when the first watcher comes, and when the last one has gone. */
  watched?(is: boolean): void
}

interface Reading {
  readonly job: Job
  readonly digest: string
}

/** Those who watch what happens to jobs. A store says which ones changed; each watcher hears of those it has not told yet. */
export class Watchers {
  readonly #parts: WatchersParts
  readonly #watchers = new Set<Watcher>()
  /** Of jobs that have not changed since, the oldest first. */
  readonly #readings = new Map<JobId, Promise<Reading | undefined>>()

  constructor(parts: WatchersParts) {
    this.#parts = parts
  }

  changed(id: JobId): void {
    this.#readings.delete(id)
    for (const watcher of this.#watchers) watcher.note(id)
  }

  /** Nothing was heard for a while: what goes on may have changed, and so may have what is new. */
  missed(newest: readonly JobId[]): void {
    this.#readings.clear()
    for (const watcher of this.#watchers) for (const id of [...watcher.told, ...newest]) watcher.note(id)
  }

  /** Every change from now on, without `output`, until the signal aborts. */
  watch(signal: AbortSignal): AsyncIterable<Job> {
    const watcher = new Watcher(signal)
    const stop = (): void => this.#remove(watcher)
    if (!signal.aborted) this.#add(watcher)
    // Nobody may ever ask for the first change.
    signal.addEventListener('abort', stop, { once: true })
    return this.#tell(watcher, signal, stop)
  }

  async *#tell(watcher: Watcher, signal: AbortSignal, stop: () => void): AsyncGenerator<Job> {
    try {
      while (!signal.aborted) {
        for (const id of await watcher.next()) {
          const reading = await this.#read(id)
          if (signal.aborted) return
          if (reading && watcher.isNews(reading)) yield reading.job
        }
      }
    } finally {
      stop()
      signal.removeEventListener('abort', stop)
    }
  }

  #add(watcher: Watcher): void {
    this.#watchers.add(watcher)
    if (this.#watchers.size === 1) this.#parts.watched?.(true)
  }

  #remove(watcher: Watcher): void {
    if (!this.#watchers.delete(watcher) || this.#watchers.size > 0) return
    this.#readings.clear()
    this.#parts.watched?.(false)
  }

  async #read(id: JobId): Promise<Reading | undefined> {
    const known = this.#readings.get(id)
    if (known) return await known
    const reading = this.#look(id)
    this.#readings.set(id, reading)
    const [oldest] = this.#readings.keys()
    if (this.#readings.size > mostReadings && oldest !== undefined) this.#readings.delete(oldest)
    try {
      return await reading
    } catch (error) {
      if (this.#readings.get(id) === reading) this.#readings.delete(id)
      throw error
    }
  }

  async #look(id: JobId): Promise<Reading | undefined> {
    const found = await this.#parts.look(id)
    if (!found) return undefined
    const job = withoutOutput(found)
    return { job, digest: fingerprint(JSON.stringify(job)) }
  }
}

class Watcher {
  readonly #signal: AbortSignal
  readonly #ids = new Set<JobId>()
  /** The one told longest ago first. */
  readonly #told = new Map<JobId, string>()
  #ring: () => void = () => undefined

  constructor(signal: AbortSignal) {
    this.#signal = signal
    signal.addEventListener('abort', () => this.#ring(), { once: true })
  }

  get told(): Iterable<JobId> {
    return this.#told.keys()
  }

  note(id: JobId): void {
    this.#ids.add(id)
    this.#ring()
  }

  /** Jobs that something has happened to; waits until there are some. */
  async next(): Promise<JobId[]> {
    if (this.#ids.size === 0 && !this.#signal.aborted) {
      const { promise, resolve } = Promise.withResolvers<void>()
      this.#ring = resolve
      await promise
    }
    const ids = [...this.#ids]
    this.#ids.clear()
    return ids
  }

  /** False when the job has been told just so. */
  isNews({ job: { id }, digest }: Reading): boolean {
    const isSame = this.#told.get(id) === digest
    this.#told.delete(id)
    this.#told.set(id, digest)
    const [oldest] = this.#told.keys()
    if (this.#told.size > mostTold && oldest !== undefined) this.#told.delete(oldest)
    return !isSame
  }
}
