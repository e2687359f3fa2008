import { readFile } from 'node:fs/promises'
import type { Clock } from '../../util/clock.ts'
import { writeDurably } from '../../util/durable.ts'
import { hasCode } from '../../util/error-code.ts'

/** A moment before which no job is started from the queue, for all processes on a directory. */
export class Calm {
  readonly #path: string
  readonly #clock: Clock

  constructor(path: string, clock: Clock) {
    this.#path = path
    this.#clock = clock
  }

  async until(moment: Date): Promise<void> {
    if (moment.getTime() > (await this.#end())) await writeDurably(this.#path, `${moment.toISOString()}\n`)
  }

  async isNow(): Promise<boolean> {
    return this.#clock.now().getTime() < (await this.#end())
  }

  /** Milliseconds since 1970; what cannot be read holds nobody up. */
  async #end(): Promise<number> {
    try {
      return Date.parse((await readFile(this.#path, 'utf8')).trim()) || 0
    } catch (error) {
      if (hasCode(error, 'ENOENT')) return 0
      throw error
    }
  }
}
