import { mkdir, readdir, readFile, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { JobId } from '../jobs/job.ts'
import { isJobId } from '../jobs/record.ts'
import { createDurably, removeStaleTemps, syncDirectory, writeDurably } from '../util/durable.ts'
import { hasCode } from '../util/error-code.ts'

/** How often a notification was tried. */
export interface Tries {
  readonly count: number
  readonly firstAt: Date
  /** Nobody tries before this. */
  readonly nextAt: Date
}

const suffix = '.tries'

/**
 * What is still to be sent, for each job a file or two:
 *
 *     {id}         the body as it is sent; that it is here is the fact
 *     {id}.tries   how often it was tried and when it is next; none before the first try
 *
 * Only the second is ever written again, so whoever is late with it brings nothing back that was sent.
 */
export class Outbox {
  readonly #directory: string

  constructor(directory: string) {
    this.#directory = directory
  }

  /** Durable when this resolves; a body that is there already stays. */
  async put(id: JobId, body: string): Promise<void> {
    try {
      await createDurably(join(this.#directory, id), body)
    } catch (error) {
      if (!hasCode(error, 'ENOENT')) throw error
      await mkdir(this.#directory, { recursive: true, mode: 0o700 })
      await syncDirectory(dirname(this.#directory))
      await createDurably(join(this.#directory, id), body)
    }
  }

  /** Newest first. */
  async ids(): Promise<JobId[]> {
    return (await this.#names()).filter(isJobId).sort().reverse()
  }

  async body(id: JobId): Promise<string | undefined> {
    return await read(join(this.#directory, id))
  }

  /** Undefined before the first try. */
  async tries(id: JobId): Promise<Tries | undefined> {
    const [count, first = '', next = ''] = (await read(this.#tries(id)))?.trim().split(' ') ?? []
    const tries = { count: Number(count), firstAt: new Date(first), nextAt: new Date(next) }
    return tries.count > 0 && tries.firstAt.getTime() > 0 && tries.nextAt.getTime() > 0 ? tries : undefined
  }

  async note(id: JobId, { count, firstAt, nextAt }: Tries): Promise<void> {
    await writeDurably(this.#tries(id), `${count} ${firstAt.toISOString()} ${nextAt.toISOString()}\n`)
  }

  /** Sent, or given up. */
  async drop(id: JobId): Promise<void> {
    await rm(join(this.#directory, id), { force: true })
    await rm(this.#tries(id), { force: true })
  }

  /** Removes what processes have left that were killed in the middle of a step before `olderThan`. */
  async tidy(olderThan: Date): Promise<void> {
    const names = new Set(await this.#names())
    if (names.size === 0) return
    await removeStaleTemps(this.#directory, olderThan)
    const orphans = [...names].filter(name => name.endsWith(suffix) && !names.has(name.slice(0, -suffix.length)))
    for (const name of orphans) await rm(join(this.#directory, name), { force: true })
  }

  async #names(): Promise<string[]> {
    try {
      return await readdir(this.#directory)
    } catch (error) {
      if (hasCode(error, 'ENOENT')) return []
      throw error
    }
  }

  #tries(id: JobId): string {
    return join(this.#directory, `${id}${suffix}`)
  }
}

async function read(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined
    throw error
  }
}
