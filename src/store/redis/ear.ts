import type { Redis } from 'ioredis'
import type { Change } from '../../jobs/changes.ts'
import type { JobId } from '../../jobs/job.ts'
import { isJobId } from '../../jobs/record.ts'
import { type LinkOptions, RedisLink } from './link.ts'

/** What others say over Redis. */
export interface Heard {
  /** Heard only while somebody follows. */
  changed(id: JobId, change: Change): void
  /** Somebody has asked to cancel a job that this pod runs. */
  cancelled(id: JobId): void
  /** There may be a job to claim; or this pod is to drain. */
  woken(why: 'work' | 'drain'): void
  /** Something may have been missed. */
  again(): void
}

export interface EarOptions extends Omit<LinkOptions, 'greet'> {
  readonly prefix: string
  readonly boot: string
}

/**
 * A connection that says nothing: it hears what is meant for this pod; and what happens to all jobs as long as somebody
 * here wants to know, because in a busy fleet that is more than anything else there is to hear.
 */
export class Ear {
  readonly #link: RedisLink
  readonly #heard: Heard
  readonly #changes: string
  readonly #ours: string
  #followers = 0
  #following: Promise<void> = Promise.resolve()

  constructor({ prefix, boot, ...about }: EarOptions, heard: Heard) {
    this.#heard = heard
    this.#changes = `${prefix}:changes`
    this.#ours = `${prefix}:wake:${boot}`
    this.#link = new RedisLink({ ...about, greet: client => this.#listen(client) })
    this.#link.client.on('message', (channel: string, message: string) => {
      if (channel === this.#ours) this.#hearOurs(message)
      else this.#hearChange(message)
    })
  }

  /**
   * Resolves when whatever happens to a job from then on is heard; where Redis is away, when it is back there will be word that
   * something was missed.
   * @returns ends it
   */
  async follow(): Promise<() => void> {
    this.#followers += 1
    if (this.#followers === 1) this.#following = this.#say('subscribe')
    await this.#following
    return () => {
      this.#followers -= 1
      if (this.#followers === 0) void this.#say('unsubscribe')
    }
  }

  /** Resolves when it hears. @throws AgenticoreError `store_unavailable` */
  async hears(patienceMs: number): Promise<void> {
    await this.#link.call(['PING'], patienceMs)
  }

  async close(): Promise<void> {
    await this.#link.close()
  }

  async #listen(client: Redis): Promise<void> {
    await client.subscribe(this.#ours, ...(this.#followers > 0 ? [this.#changes] : []))
    this.#heard.again()
  }

  /** Once: the next connection begins with what is wanted then, and where Redis refused this there has to be a next one. */
  async #say(what: 'subscribe' | 'unsubscribe'): Promise<void> {
    try {
      await this.#link.call([what, this.#changes], 0)
    } catch {
      if (what === 'subscribe' && this.#link.isUp) this.#link.client.disconnect(true)
    }
  }

  #hearOurs(message: string): void {
    const [what, id = ''] = message.split(' ')
    if (what === 'cancel' && isJobId(id)) this.#heard.cancelled(id)
    else this.#heard.woken(what === 'drain' ? 'drain' : 'work')
  }

  #hearChange(message: string): void {
    const [id = '', what] = message.split(' ')
    if (isJobId(id)) this.#heard.changed(id, what === 'event' ? 'event' : 'record')
  }
}
