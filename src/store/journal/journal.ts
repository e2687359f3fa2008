import { mkdir, open, readdir, readFile, rm } from 'node:fs/promises'
import { AgenticoreError } from '../../jobs/errors.ts'
import { isFinal, type Job, type JobId } from '../../jobs/job.ts'
import type { AttemptId, Journal, Lease } from '../../jobs/ports.ts'
import { encodeRecord, isJobId } from '../../jobs/record.ts'
import { createDurably, syncDirectory, writeDurably } from '../../util/durable.ts'
import { hasCode } from '../../util/error-code.ts'
import { isFile } from '../../util/is-file.ts'
import { removeTree } from '../../util/remove-tree.ts'
import { fencesOf } from './fences.ts'
import { KnownRecords } from './known-records.ts'
import { JournalLayout } from './layout.ts'

const ownerOnly = 0o700

/** The moments after which a kill leaves something half done; tests stop there. */
export type JournalPoint = 'create: marked' | 'begin: directory'

/** The journal on a file system. Whole files only: each write is durable before its promise resolves. */
export class FileJournal implements Journal {
  readonly #layout: JournalLayout
  readonly #records = new KnownRecords()
  readonly #reached: (point: JournalPoint) => void

  private constructor(layout: JournalLayout, reached: (point: JournalPoint) => void) {
    this.#layout = layout
    this.#reached = reached
  }

  static async open(root: string, reached: (point: JournalPoint) => void = () => undefined): Promise<FileJournal> {
    const layout = new JournalLayout(root)
    await mkdir(layout.activeDirectory(), { recursive: true, mode: ownerOnly })
    return new FileJournal(layout, reached)
  }

  async create(job: Job): Promise<boolean> {
    const { record, active, activeDirectory } = this.#paths(job.id)
    const mark = async (): Promise<void> => {
      await (await open(active, 'w', 0o600)).close()
      await syncDirectory(activeDirectory)
    }
    // The marker first: without its record it means nothing, and no record is there without it.
    await mark()
    this.#reached('create: marked')
    if (!(await createDurably(record, serialize(job)))) {
      // It may have ended meanwhile; who has written that down will not look again.
      const kept = await this.submission(job.id)
      if (kept && isFinal(kept)) await rm(active, { force: true })
      return false
    }
    // A sweeper takes an old one without a record away.
    if (!(await isFile(active))) await mark()
    return true
  }

  async begin(job: Job): Promise<boolean> {
    const made = await mkdir(this.#layout.attempts(job.id), { recursive: true, mode: ownerOnly })
    if (made !== undefined) await syncDirectory(this.#layout.root)
    try {
      await mkdir(this.#layout.attempt(job.id, job.fence), { mode: ownerOnly })
    } catch (error) {
      if (hasCode(error, 'EEXIST')) return false
      throw error
    }
    await syncDirectory(this.#layout.attempts(job.id))
    this.#reached('begin: directory')
    await this.update(job)
    return true
  }

  async update(job: Job): Promise<void> {
    await writeDurably(this.#layout.attemptFile(job.id, job.fence, 'attempt.json'), serialize(job))
  }

  async outcome(job: Job): Promise<void> {
    await writeDurably(this.#layout.attemptFile(job.id, job.fence, 'outcome.json'), serialize(job))
  }

  async readOutcome(id: JobId): Promise<Job | undefined> {
    const fence = await this.highestFence(id)
    return fence === 0 ? undefined : await this.#load(id, this.#layout.attemptFile(id, fence, 'outcome.json'))
  }

  async fold(job: Job): Promise<void> {
    const { record, active } = this.#paths(job.id)
    await writeDurably(record, serialize(job))
    await rm(active, { force: true })
  }

  async requestCancel(id: JobId, at: string): Promise<void> {
    const made = await mkdir(this.#layout.attempts(id), { recursive: true, mode: ownerOnly })
    // The attempt that finds it there takes it for durable.
    if (made !== undefined) await syncDirectory(this.#layout.root)
    await createDurably(this.#layout.cancelRequest(id), `${at}\n`)
  }

  async cancelRequest(id: JobId): Promise<string | undefined> {
    try {
      return (await readFile(this.#layout.cancelRequest(id), 'utf8')).trim() || undefined
    } catch (error) {
      if (hasCode(error, 'ENOENT')) return undefined
      throw error
    }
  }

  async submission(id: JobId): Promise<Job | undefined> {
    return await this.#load(id, this.#layout.record(id))
  }

  async read(id: JobId): Promise<Job | undefined> {
    const submitted = await this.submission(id)
    if (submitted === undefined || isFinal(submitted)) return submitted
    const fences = await fencesOf(this.#layout.attempts(id))
    for (const fence of fences.reverse()) {
      const attempt = await this.#load(id, this.#layout.attemptFile(id, fence, 'attempt.json'))
      if (attempt) return attempt
    }
    return submitted
  }

  async highestFence(id: JobId): Promise<number> {
    return (await fencesOf(this.#layout.attempts(id))).at(-1) ?? 0
  }

  async ids(): Promise<JobId[]> {
    const entries = await readdir(this.#layout.root, { withFileTypes: true })
    return entries
      .filter(entry => entry.isFile() && entry.name.endsWith('.json'))
      .map(entry => entry.name.slice(0, -'.json'.length))
      .filter(isJobId)
      .sort()
      .reverse()
  }

  async active(): Promise<JobId[]> {
    return (await readdir(this.#layout.activeDirectory())).filter(isJobId)
  }

  async remove(id: JobId): Promise<void> {
    const { record, active } = this.#paths(id)
    await removeTree(this.#layout.attempts(id))
    await rm(active, { force: true })
    await rm(record, { force: true })
  }

  diffPath(lease: Lease): string {
    return this.#layout.attemptFile(lease.job.id, lease.fence, 'diff.patch')
  }

  straysPath(lease: Lease): string {
    return this.#layout.attemptFile(lease.job.id, lease.fence, 'left.bundle')
  }

  sessionPath({ id, fence }: AttemptId): string {
    return this.#layout.attemptFile(id, fence, 'session.jsonl')
  }

  #paths(id: JobId) {
    const layout = this.#layout
    return { record: layout.record(id), active: layout.active(id), activeDirectory: layout.activeDirectory() }
  }

  async #load(id: JobId, path: string): Promise<Job | undefined> {
    const job = await this.#records.read(path)
    if (job === undefined || job.id === id) return job
    throw new AgenticoreError('corrupt_record', `${path} is the record of another job, ${job.id}.`)
  }
}

const serialize = (job: Job): string => `${JSON.stringify(encodeRecord(job))}\n`
