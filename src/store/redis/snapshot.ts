import type { Redis } from 'ioredis'
import type { Clock } from '../../util/clock.ts'
import { isReply } from './link.ts'
import { evalOf } from './scripts.ts'
import type { Seen } from './seen.ts'

export interface SnapshotParts {
  readonly prefix: string
  readonly clock: Clock
  readonly seen: Seen
}

/**
 * Looks, each time a connection is there, whether Redis still is what it was: one that has been started anew may have
 * come back with what it had on disk some time ago, and nobody may work with that before the journal has been read.
 */
export class Snapshot {
  readonly #parts: SnapshotParts
  #sinceMs: number

  constructor(parts: SnapshotParts) {
    this.#parts = parts
    this.#sinceMs = parts.clock.monotonicMs()
  }

  /** Since when the connection has been there, on the monotonic clock. */
  get sinceMs(): number {
    return this.#sinceMs
  }

  async greet(client: Redis): Promise<void> {
    const { clock, seen, prefix } = this.#parts
    this.#sinceMs = clock.monotonicMs()
    const runId = await runIdOf(client)
    const isAnother = seen.runId !== '' && runId !== '' && runId !== seen.runId
    await this.#distrust(client, isAnother)
    // Not before: a greeting that breaks off here is done again, and has to see that it is another one.
    seen.runId = runId
    const [epoch, rev] = await client.mget(`${prefix}:epoch`, `${prefix}:rev`)
    seen.note(epoch ?? '', Number(rev ?? 0))
  }

  async #distrust(client: Redis, isAnother: boolean): Promise<void> {
    const { seen, prefix } = this.#parts
    if (seen.epoch === '') return
    const [command, ...args] = evalOf(prefix, 'distrust', seen.epoch, seen.rev, isAnother ? '1' : '')
    await client.call(command, ...args)
  }
}

/** Another one after every start of the server; '' where it is not told. */
async function runIdOf(client: Redis): Promise<string> {
  try {
    return /^run_id:(\w+)/m.exec(await client.info('server'))?.[1] ?? ''
  } catch (error) {
    if (isReply(error)) return ''
    throw error
  }
}
