import { createHash } from 'node:crypto'
import { mkdir, readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Job, JobId } from '../../jobs/job.ts'
import type { PassingOver } from '../../jobs/passing-over.ts'
import { decodeJob, encodeRecord } from '../../jobs/record.ts'
import { createDurably } from '../../util/durable.ts'
import { hasCode } from '../../util/error-code.ts'

/**
 * Idempotency keys, one file each: the submission of the job that has the key. It is written before anything else of
 * that job, so whoever comes with the same key can complete what a dead submitter began.
 */
export class Keys {
  readonly #directory: string

  constructor(directory: string) {
    this.#directory = directory
  }

  async open(): Promise<void> {
    await mkdir(this.#directory, { recursive: true, mode: 0o700 })
  }

  /** @returns the submission that has the key: this one, or the one that was first */
  async take(key: string, job: Job): Promise<Job> {
    const owner = await this.owner(key)
    if (owner) return owner
    if (await createDurably(this.#path(key), `${JSON.stringify(encodeRecord(job))}\n`)) return job
    return await this.take(key, job)
  }

  /** The key is free again if it is that job's; it may have been another's for long. Only the one sweeper does this. */
  async drop(key: string, id: JobId): Promise<void> {
    if ((await this.owner(key))?.id === id) await rm(this.#path(key))
  }

  /** The submissions that have a key. */
  async owners(passingOver: PassingOver): Promise<Job[]> {
    const names = (await readdir(this.#directory)).filter(name => /^[0-9a-f]{64}$/.test(name))
    const owners: Job[] = []
    for (const name of names) {
      const owner = await passingOver(() => this.#load(join(this.#directory, name)))
      if (owner) owners.push(owner)
    }
    return owners
  }

  /** The submission that has the key. */
  async owner(key: string): Promise<Job | undefined> {
    return await this.#load(this.#path(key))
  }

  async #load(path: string): Promise<Job | undefined> {
    try {
      return decodeJob(await readFile(path, 'utf8'), path)
    } catch (error) {
      if (hasCode(error, 'ENOENT')) return undefined
      throw error
    }
  }

  #path(key: string): string {
    return join(this.#directory, createHash('sha256').update(key).digest('hex'))
  }
}
