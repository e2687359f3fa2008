import { mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { JobId } from '../../jobs/job.ts'
import { isJobId } from '../../jobs/record.ts'
import { createDurably, syncDirectory } from '../../util/durable.ts'
import { hasCode } from '../../util/error-code.ts'

/** A directory of small files named by job: being in it is the fact. Puts and moves are durable when they resolve. */
export class Markers {
  readonly #directory: string

  constructor(directory: string) {
    this.#directory = directory
  }

  async open(): Promise<void> {
    await mkdir(this.#directory, { recursive: true, mode: 0o700 })
  }

  /** Ascending: for ids, the order of submission. Empty when the directory is gone. */
  async ids(): Promise<JobId[]> {
    try {
      return (await readdir(this.#directory)).filter(isJobId).sort()
    } catch (error) {
      if (hasCode(error, 'ENOENT')) return []
      throw error
    }
  }

  async put(id: JobId): Promise<void> {
    await (await open(this.#path(id), 'a', 0o600)).close()
    this.arrived(id)
    await syncDirectory(this.#directory)
  }

  /** The first one to put something there decides what is there. @returns what that is */
  async decide(id: JobId, content: string): Promise<string> {
    if (await createDurably(this.#path(id), content)) return content
    // Dropped in this moment: then it is open again.
    return (await this.read(id)) ?? (await this.decide(id, content))
  }

  async read(id: JobId): Promise<string | undefined> {
    try {
      return await readFile(this.#path(id), 'utf8')
    } catch (error) {
      if (hasCode(error, 'ENOENT')) return undefined
      throw error
    }
  }

  /** When it came here, on the clock of the file system; undefined when it is not here. */
  async since(id: JobId): Promise<bigint | undefined> {
    try {
      return (await stat(this.#path(id), { bigint: true })).ctimeNs
    } catch (error) {
      if (hasCode(error, 'ENOENT')) return undefined
      throw error
    }
  }

  async has(id: JobId): Promise<boolean> {
    return (await this.read(id)) !== undefined
  }

  /** False when it is not here: of several that try, one moves it. */
  async moveTo(target: Markers, id: JobId): Promise<boolean> {
    try {
      await rename(this.#path(id), target.#path(id))
    } catch (error) {
      if (!hasCode(error, 'ENOENT')) throw error
      this.left(id)
      return false
    }
    target.arrived(id)
    this.left(id)
    await syncDirectory(target.#directory)
    await syncDirectory(this.#directory)
    return true
  }

  /** A power cut may bring it back. */
  async drop(id: JobId): Promise<void> {
    await rm(this.#path(id), { force: true })
    this.left(id)
  }

  /** Told of every marker that is here now by what this process did. */
  protected arrived(_id: JobId): void {
    // Nobody keeps a list.
  }

  /** Told of every marker that is not. */
  protected left(_id: JobId): void {
    // Nobody keeps a list.
  }

  #path(id: JobId): string {
    return join(this.#directory, id)
  }
}
