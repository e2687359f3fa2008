import type { Test } from 'tap'
import type { Job, JobRequest } from '../../src/jobs/job.ts'
import type { Journal, Lease } from '../../src/jobs/ports.ts'
import { FileJobStore } from '../../src/store/file/store.ts'
import { FileJournal } from '../../src/store/journal/journal.ts'
import type { Point } from '../fixtures/store/scenarios.ts'
import { ManualClock } from '../helpers/clock.ts'
import { newJob } from '../helpers/jobs.ts'

/** One directory, and as many processes on it as are opened. */
export class FileBench {
  readonly root: string
  readonly clock = new ManualClock()
  readonly warnings: string[] = []
  readonly #t: Test

  constructor(t: Test) {
    this.#t = t
    this.root = t.testdir()
  }

  /** @param options.change gives the process a journal that behaves otherwise */
  async open(
    options: { reached?: (point: Point) => void; change?: (journal: Journal) => Partial<Journal> } = {},
  ): Promise<FileJobStore> {
    const { reached = () => undefined, change } = options
    const real = await FileJournal.open(this.root, reached)
    const journal = change ? overlaid(real, change(real)) : real
    const warn = (message: string): void => void this.warnings.push(message)
    const store = await FileJobStore.open(this.root, { journal, clock: this.clock, warn, reached })
    this.#t.teardown(() => store.close())
    return store
  }

  newJob(given: Partial<JobRequest> = {}): Job {
    this.clock.advance(10)
    return newJob(this.clock.now(), given)
  }

  /** Takes a step in a process of its own, that dies at this point. */
  async dying(at: Point, step: (store: FileJobStore) => Promise<unknown>): Promise<void> {
    const reached = (point: Point): void => {
      if (point === at) throw new Error(at)
    }
    const store = await this.open({ reached })
    await this.#t.rejects(step(store), { message: at })
    await store.close()
  }

  async claim(store: FileJobStore, podName = 'a'): Promise<Lease> {
    const lease = await store.claim({ podName })
    if (!lease) throw new Error('There was nothing to claim')
    return lease
  }
}

const overlaid = (journal: Journal, changes: Partial<Journal>): Journal =>
  new Proxy(journal, {
    get(target, name) {
      const member: unknown = Reflect.get(changes, name) ?? Reflect.get(target, name)
      return typeof member === 'function' ? member.bind(target) : member
    },
  })

export const failure = (code: string): Error => Object.assign(new Error(`${code}: made to fail`), { code })

export const noEnd = async (): Promise<void> => undefined

/** Looks at a job, and is told what it saw only when `meanwhile` has happened; `nth` counts its looks. */
export const looksAt =
  (nth: number, meanwhile: () => Promise<unknown>) =>
  (journal: Journal): Partial<Journal> => {
    let looks = 0
    return {
      async read(id) {
        const seen = await journal.read(id)
        looks += 1
        if (looks === nth) await meanwhile()
        return seen
      },
    }
  }
