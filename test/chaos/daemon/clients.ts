import { setTimeout as delay } from 'node:timers/promises'

/** A job as the server shows it; only what the checks read. */
export interface Seen {
  readonly id: string
  readonly status: string
  readonly error_code?: string
  readonly error?: string
  readonly output?: string
  readonly repo_url: string
  readonly pod_name: string
  readonly fence: number
  readonly ended_at?: string
}

/** An event as its line reads; only what the checks read. */
export interface SeenEvent {
  readonly id: string
  readonly at: string
  readonly type: string
  readonly reason?: string
  readonly status?: string
  readonly error_code?: string
  readonly pod_name?: string
}

/** It was not heard to the end, by a server that stood still meanwhile; there were too many. */
const again = [408, 429]

/** One that stands still is not waited for. */
const patienceMs = 10_000
const againMs = 200

const finals = ['succeeded', 'failed', 'cancelled', 'expired']

export const isOver = ({ status }: Seen): boolean => finals.includes(status)

/** What a client on the network does with servers that die all the time: it asks again until one has an answer. */
export class Clients {
  readonly #urls: readonly string[]
  #asked = 0

  constructor(...urls: readonly string[]) {
    this.#urls = urls
  }

  /** In turns. */
  get #url(): string {
    this.#asked += 1
    return this.#urls[this.#asked % this.#urls.length] ?? ''
  }

  async submit(body: object): Promise<Seen> {
    return (await this.#ask('POST', '/jobs', body)).job
  }

  async job(id: string): Promise<Seen> {
    return (await this.#ask('GET', `/jobs/${id}`)).job
  }

  async cancel(id: string): Promise<Seen> {
    return (await this.#ask('DELETE', `/jobs/${id}`)).job
  }

  /** The ids of all jobs there are, or of those in one state. */
  async ids(status = ''): Promise<string[]> {
    const found: string[] = []
    for (let cursor: string | undefined = ''; cursor !== undefined; ) {
      const page: Page = await this.#ask('GET', `/jobs?limit=100&status=${status}${cursor && `&cursor=${cursor}`}`)
      found.push(...page.jobs.map(({ id }) => id))
      cursor = page.next_cursor
    }
    return found
  }

  /** All events there are. */
  async events(id: string): Promise<readonly SeenEvent[]> {
    for (;;) {
      try {
        const response = await fetch(`${this.#url}/jobs/${id}/events?follow=false`, {
          headers: { accept: 'application/x-ndjson' },
          signal: AbortSignal.timeout(patienceMs),
        })
        return (await response.text())
          .split('\n')
          .filter(Boolean)
          .map(line => JSON.parse(line))
      } catch {
        await delay(againMs)
      }
    }
  }

  /** The ids of the events as they come, over as many connections as it takes, to the end. */
  async follow(id: string): Promise<string[]> {
    const seen: string[] = []
    for (;;) {
      try {
        if (await this.#followOnce(id, seen)) return seen
      } catch {
        // The server is gone: the next one goes on.
      }
      await delay(againMs)
    }
  }

  /** @returns whether the job has ended */
  async #followOnce(id: string, seen: string[]): Promise<boolean> {
    const last = seen.at(-1)
    const headers = last === undefined ? {} : { 'last-event-id': last }
    const response = await fetch(`${this.#url}/jobs/${id}/events`, { headers })
    if (response.status === 204) return true
    let rest = ''
    for await (const chunk of response.body ?? []) {
      const messages = (rest + Buffer.from(chunk).toString()).split('\n\n')
      rest = messages.pop() ?? ''
      for (const message of messages) {
        if (/^event: end$/m.test(message)) return true
        const [, event] = /^id: (.+)$/m.exec(message) ?? []
        if (event !== undefined) seen.push(event)
      }
    }
    return false
  }

  async #ask<T = { job: Seen }>(method: string, path: string, body?: object): Promise<T> {
    for (;;) {
      try {
        const response = await fetch(`${this.#url}${path}`, {
          method,
          signal: AbortSignal.timeout(patienceMs),
          ...(body ? { body: JSON.stringify(body) } : {}),
        })
        const answer: T & { success: boolean; error: string } = JSON.parse(await response.text())
        if (answer.success) return answer
        if (response.status < 500 && !again.includes(response.status))
          throw new Refused(`${method} ${path}: ${answer.error}`)
      } catch (error) {
        if (error instanceof Refused) throw error
      }
      await delay(againMs)
    }
  }
}

interface Page {
  readonly jobs: readonly Seen[]
  readonly next_cursor?: string
}

class Refused extends Error {}
