import { createHash } from 'node:crypto'
import { mkdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Job } from '../../jobs/job.ts'
import { decodeJob, encodeJob } from '../../jobs/record.ts'
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
    const path = this.#path(key)
    if (await createDurably(path, `${JSON.stringify(encodeJob(job))}\n`)) return job
    try {
      return decodeJob(await readFile(path, 'utf8'), path)
    } catch (error) {
      // Given back in this moment.
      if (hasCode(error, 'ENOENT')) return await this.take(key, job)
      throw error
    }
  }

  async drop(key: string): Promise<void> {
    await rm(this.#path(key), { force: true })
  }

  #path(key: string): string {
    return join(this.#directory, createHash('sha256').update(key).digest('hex'))
  }
}
