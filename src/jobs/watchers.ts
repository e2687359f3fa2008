import { createHash } from 'node:crypto'
import type { Job, JobId } from '../../jobs/job.ts'
import { withoutOutput } from '../../jobs/job.ts'

/** What a watcher remembers of what it has told; jobs beyond that may be told a second time. */
const most = 5000

export interface WatchersParts {
  /** The job as it is now. */
  look(id: JobId): Promise<Job | undefined>
  warn(message: string): void
}

/** Those who watch what happens to jobs. Redis says which ones changed; each watcher reads those it has not told yet. */
export class Watchers {
  readonly #parts: WatchersParts
  readonly #watchers = new Set<Watcher>()

  constructor(parts: WatchersParts) {
    this.#parts = parts
  }

  changed(id: JobId): void {
    for (const watcher of this.#watchers) watcher.note(id)
  }

  /** Nothing was heard for a while: what goes on may have changed, and so may have what is new. */
  missed(newest: readonly JobId[]): void {
    for (const watcher of this.#watchers) for (const id of [...watcher.told, ...newest]) watcher.note(id)
  }

  watch(signal: AbortSignal): AsyncIterable<Job> {
    const watcher = new Watcher(signal)
    const stop = (): void => void this.#watchers.delete(watcher)
    if (!signal.aborted) this.#watchers.add(watcher)
    // Nobody may ever ask for the first change.
    signal.addEventListener('abort', stop, { once: true })
    return this.#tell(watcher, signal, stop)
  }

  async *#tell(watcher: Watcher, signal: AbortSignal, stop: () => void): AsyncGenerator<Job> {
    try {
      while (!signal.aborted) {
        for (const id of await watcher.next()) {
          const job = await this.#parts.look(id)
          if (signal.aborted) return
          if (job && watcher.isNews(job)) yield job
        }
      }
    } finally {
      stop()
      signal.removeEventListener('abort', stop)
    }
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
  isNews(job: Job): boolean {
    const now = createHash('sha1')
      .update(JSON.stringify(withoutOutput(job)))
      .digest('base64')
    const isSame = this.#told.get(job.id) === now
    this.#told.delete(job.id)
    this.#told.set(job.id, now)
    const [oldest] = this.#told.keys()
    if (this.#told.size > most && oldest !== undefined) this.#told.delete(oldest)
    return !isSame
  }
}
