import { stat } from 'node:fs/promises'
import type { JobId } from '../../jobs/job.ts'
import type { Clock } from '../../util/clock.ts'
import { hasCode } from '../../util/error-code.ts'
import type { JournalLayout } from './layout.ts'

/** The directory of all records, looked at once for all who wait: a job's first attempt and its end change it. */
export class RootGlance {
  readonly #root: string
  readonly #clock: Clock
  readonly #goodForMs: number
  #look: Promise<string> | undefined
  #untilMs = Number.NEGATIVE_INFINITY

  constructor(root: string, { clock, goodForMs }: { clock: Clock; goodForMs: number }) {
    this.#root = root
    this.#clock = clock
    this.#goodForMs = goodForMs
  }

  async state(): Promise<string> {
    const nowMs = this.#clock.monotonicMs()
    if (!this.#look || nowMs >= this.#untilMs) {
      this.#look = stateOf(this.#root)
      this.#untilMs = nowMs + this.#goodForMs
    }
    return await this.#look
  }
}

/** Sees whether a job may have gone on, by what the file system says of its files: a thousand readers wait that way. */
export class Glance {
  readonly #id: JobId
  readonly #layout: JournalLayout
  readonly #root: RootGlance
  #rootState = ''
  #state = ''

  constructor(layout: JournalLayout, id: JobId, root: RootGlance) {
    this.#layout = layout
    this.#id = id
    this.#root = root
  }

  /** @param fence of the latest attempt that is known; 0 for none */
  async isOther(fence: number): Promise<boolean> {
    const rootState = await this.#root.state()
    if (fence === 0 && rootState === this.#rootState) return false
    const paths = [this.#layout.record(this.#id), this.#layout.attempts(this.#id)]
    if (fence > 0) paths.push(this.#layout.attemptFile(this.#id, fence, 'events.ndjson'))
    const state = (await Promise.all(paths.map(stateOf))).join()
    const isSame = state === this.#state
    this.#rootState = rootState
    this.#state = state
    return !isSame
  }
}

async function stateOf(path: string): Promise<string> {
  try {
    const { ino, size, mtimeMs } = await stat(path)
    return `${ino} ${size} ${mtimeMs}`
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return 'none'
    throw error
  }
}
