import { readFile, stat } from 'node:fs/promises'
import type { Job } from '../../jobs/job.ts'
import { decodeJob } from '../../jobs/record.ts'
import { hasCode } from '../../util/error-code.ts'

interface Known {
  readonly version: string
  readonly job: Job
}

const most = 5000
/** What an agent has said can be a megabyte: such a record is read anew. */
const longestOutput = 16_384

/**
 * Records as they were read last, by path. A record is never changed in place, but replaced by another file: one look at
 * which file it is tells whether it has to be read again.
 */
export class KnownRecords {
  /** The one that was asked for longest ago first. */
  readonly #known = new Map<string, Known>()

  /** Undefined when there is none. @throws AgenticoreError `corrupt_record`, `newer_record` */
  async read(path: string): Promise<Job | undefined> {
    try {
      const version = await versionOf(path)
      const known = this.#known.get(path)
      const job = known?.version === version ? known.job : decodeJob(await readFile(path, 'utf8'), path)
      this.#keep(path, { version, job })
      return job
    } catch (error) {
      this.#known.delete(path)
      if (hasCode(error, 'ENOENT')) return undefined
      throw error
    }
  }

  /** What was read may be younger than its version says: then it is read again the next time. */
  #keep(path: string, known: Known): void {
    this.#known.delete(path)
    if ((known.job.output?.length ?? 0) > longestOutput) return
    this.#known.set(path, known)
    const [oldest] = this.#known.keys()
    if (this.#known.size > most && oldest !== undefined) this.#known.delete(oldest)
  }
}

async function versionOf(path: string): Promise<string> {
  const { dev, ino, mtimeNs, size } = await stat(path, { bigint: true })
  return `${dev} ${ino} ${mtimeNs} ${size}`
}
