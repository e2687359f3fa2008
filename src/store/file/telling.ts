import type { JobId } from '../../jobs/job.ts'
import type { Journal } from '../../jobs/ports.ts'

/** What is told of records that change, each time when it is on the disk. */
export interface RecordListener {
  changed(id: JobId): void
  ended(id: JobId): void
  removed(id: JobId): void
}

/** The same journal, with somebody told of what is written to it. */
export function telling(journal: Journal, listener: RecordListener): Journal {
  const told = async <T>(id: JobId, tell: 'changed' | 'removed', writing: Promise<T>): Promise<T> => {
    const result = await writing
    listener[tell](id)
    return result
  }
  return {
    create: job => journal.create(job),
    begin: job => told(job.id, 'changed', journal.begin(job)),
    update: job => told(job.id, 'changed', journal.update(job)),
    async fold(job) {
      await journal.fold(job)
      listener.ended(job.id)
      listener.changed(job.id)
    },
    remove: id => told(id, 'removed', journal.remove(id)),
    outcome: job => journal.outcome(job),
    readOutcome: id => journal.readOutcome(id),
    requestCancel: (id, at) => journal.requestCancel(id, at),
    cancelRequest: id => journal.cancelRequest(id),
    read: id => journal.read(id),
    submission: id => journal.submission(id),
    highestFence: id => journal.highestFence(id),
    ids: () => journal.ids(),
    active: () => journal.active(),
    diffPath: lease => journal.diffPath(lease),
    straysPath: lease => journal.straysPath(lease),
    sessionPath: attempt => journal.sessionPath(attempt),
  }
}
