import type { JobId } from './job.ts'

/** What happened to a job: its record is another, or its log has grown. */
export type Change = 'record' | 'event'

export type Listener = (id: JobId, change: Change) => void

/** Tells those who wait in this process what it does to jobs. Whoever changes something says so when it is done. */
export class Changes {
  readonly #listeners = new Set<Listener>()

  tell(id: JobId, change: Change): void {
    for (const listener of this.#listeners) listener(id, change)
  }

  /** @returns ends it */
  listen(listener: Listener): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }
}
