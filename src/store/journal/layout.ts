import { join } from 'node:path'
import type { JobId } from '../../jobs/job.ts'

/** The files of the journal, as PROTOCOL.md "Two copies" names them. */
export class JournalLayout {
  readonly root: string

  constructor(root: string) {
    this.root = root
  }

  record(id: JobId): string {
    return join(this.root, `${id}.json`)
  }

  activeDirectory(): string {
    return join(this.root, 'active')
  }

  active(id: JobId): string {
    return join(this.activeDirectory(), id)
  }

  attempts(id: JobId): string {
    return join(this.root, `${id}.d`)
  }

  /** Beside the attempts: whoever goes on with the job finds it. */
  cancelRequest(id: JobId): string {
    return join(this.attempts(id), 'cancel')
  }

  attempt(id: JobId, fence: number): string {
    return join(this.attempts(id), String(fence))
  }

  attemptFile(id: JobId, fence: number, name: AttemptFile): string {
    return join(this.attempt(id, fence), name)
  }
}

export type AttemptFile =
  | 'attempt.json'
  | 'events.ndjson'
  | 'outcome.json'
  | 'diff.patch'
  | 'left.bundle'
  | 'session.jsonl'
