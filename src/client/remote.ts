import { AgenticoreError, eventFromWire, fromWire, type Job, type JobEvent } from '../api/wire.ts'
import type { Agenticore, FollowOptions, JobsQuery, ServerStatus, Submitted } from './agenticore.ts'
import { followJob } from './follow.ts'
import { type HttpClient, wasTaken } from './http.ts'
import { Lines } from './lines.ts'

/** What a server can be asked, by its REST interface. */
export class RemoteAgenticore implements Agenticore {
  readonly #http: HttpClient
  readonly #isNamed: boolean

  /** @param options.isNamed somebody has said that the server is there */
  constructor(http: HttpClient, { isNamed = false }: { isNamed?: boolean } = {}) {
    this.#http = http
    this.#isNamed = isNamed
  }

  get url(): string {
    return this.#http.url
  }

  /**
   * Whether an agenticore server is there; who may ask it more is another question.
   * @throws AgenticoreError `server_unreachable`, `server_failed` where there is somebody at an address that was named: a
   * server that hangs is not to be taken for none
   */
  async answers(): Promise<boolean> {
    try {
      const { service } = {
        service: undefined,
        ...(await this.#get('/health', { timeoutMs: probeMs, repeatable: false })),
      }
      return service === 'agenticore'
    } catch (error) {
      const isNone = error instanceof AgenticoreError && ['server_unreachable', 'server_failed'].includes(error.code)
      if (isNone && !(this.#isNamed && wasTaken(error))) return false
      throw error
    }
  }

  async jobs({ limit, status }: JobsQuery): Promise<Job[]> {
    const jobs: Job[] = []
    for (let cursor: string | undefined; jobs.length < limit; ) {
      const query = new URLSearchParams({ limit: String(Math.min(pageSize, limit - jobs.length)) })
      if (status !== undefined) query.set('status', status)
      if (cursor !== undefined) query.set('cursor', cursor)
      const page = await this.#get(`/jobs?${query}`)
      jobs.push(...this.#listIn(page, 'jobs').map(each => fromWire(each, this.url)))
      const next: unknown = Reflect.get(page, 'next_cursor')
      if (typeof next !== 'string') break
      cursor = next
    }
    return jobs
  }

  async job(part: string): Promise<Job> {
    return this.#jobIn(await this.#get(path(part)))
  }

  async cancel(part: string): Promise<Job> {
    return this.#jobIn(await this.#http.json({ method: 'DELETE', path: path(part), repeatable: true }))
  }

  async retry(part: string): Promise<Job> {
    const headers = { 'idempotency-key': `retry-${crypto.randomUUID()}` }
    const ifUnanswered = 'See `agenticore jobs` for a new job before you ask again.'
    const request = { method: 'POST', path: `${path(part)}/retry`, headers, repeatable: true, ifUnanswered } as const
    return this.#jobIn(await this.#http.json(request))
  }

  /** @param submission has an idempotency key, so that it can be sent again when the answer is lost */
  async submit(submission: { readonly idempotency_key: string } & object): Promise<Submitted> {
    const key = submission.idempotency_key
    const ifUnanswered = `Run the same command again with --idempotency-key ${key}: a job that was submitted is not submitted twice.`
    const request = { method: 'POST', path: '/jobs', body: submission, repeatable: true, ifUnanswered } as const
    const reply = await this.#http.json(request)
    const warnings = Reflect.has(reply, 'warnings') ? this.#listIn(reply, 'warnings').map(String) : []
    return { job: this.#jobIn(reply), warnings }
  }

  async *events(part: string, options: FollowOptions = {}): AsyncGenerator<JobEvent> {
    if (options.follow) return yield* followJob(this.#http, part, { ...options, signal: options.follow })
    const response = await this.#http.open({
      method: 'GET',
      path: `${path(part)}/events?follow=false`,
      headers: { accept: 'application/x-ndjson' },
      repeatable: true,
    })
    const lines = new Lines()
    for await (const chunk of this.#http.chunks(response)) {
      for (const line of lines.add(chunk)) {
        const event = eventFromWire(line)
        if (event) yield event
      }
    }
  }

  async status(): Promise<ServerStatus> {
    const { success: _, ...status } = { success: undefined, ...(await this.#get('/status')) }
    return status
  }

  async pods(): Promise<readonly ServerStatus[]> {
    return this.#listIn(await this.#get('/pods'), 'pods').map(pod => ({ ...toObject(pod) }))
  }

  async close(): Promise<void> {
    this.#http.close()
  }

  async #get(path: string, how: { timeoutMs?: number; repeatable?: boolean } = {}): Promise<object> {
    return await this.#http.json({ method: 'GET', path, repeatable: true, ...how })
  }

  #jobIn(reply: object): Job {
    const job: unknown = Reflect.get(reply, 'job')
    if (job === undefined) throw this.#strange('no job')
    return fromWire(job, this.url)
  }

  #listIn(reply: object, name: string): readonly unknown[] {
    const list: unknown = Reflect.get(reply, name)
    if (!Array.isArray(list)) throw this.#strange(`no list of ${name}`)
    return list
  }

  #strange(what: string): AgenticoreError {
    return new AgenticoreError('server_failed', `What ${this.url} answered has ${what} in it.`)
  }
}

const probeMs = 3000
const pageSize = 1000

const toObject = (value: unknown): object => (typeof value === 'object' && value !== null ? value : {})

const path = (part: string): string => `/jobs/${encodeURIComponent(part)}`
