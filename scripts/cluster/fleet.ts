/** Jobs of a fleet, and the reckoning: what users see of them when all is over. */
import { check } from '../../test/chaos/daemon/check.ts'
import { Clients, isOver, type Seen } from '../../test/chaos/daemon/clients.ts'
import { Laptop } from './laptop.ts'
import { agents, type Outside, type Repository } from './outside.ts'
import type { Place } from './place.ts'
import type { Chapter } from './report.ts'
import { until } from './run.ts'

export class Fleet {
  readonly #place: Place
  readonly #outside: Outside
  readonly repository: Repository
  readonly clients: Clients
  /** The ids that each key was answered with. */
  readonly #accepted = new Map<string, Set<string>>()

  /** @param pods how many are asked when the Service knows of none that is ready */
  constructor(place: Place, outside: Outside, repository: Repository, pods = 0) {
    this.#place = place
    this.#outside = outside
    this.repository = repository
    const each = Array.from({ length: pods }, (_, n) => place.urlOf(n))
    this.clients = new Clients([place.url, ...each], place.headers)
  }

  /** @returns their ids */
  async submit(kind: keyof typeof agents, count: number): Promise<string[]> {
    const first = this.#accepted.size
    const numbers = Array.from({ length: count }, (_, n) => first + n)
    return await Promise.all(
      numbers.map(async n => {
        const key = `${this.#place.namespace}-${n}`
        const task = `${agents[kind]} ${n}: write a file`
        const { id } = await this.clients.submit({ task, repo_url: this.repository.url, idempotency_key: key })
        this.#accepted.set(key, new Set([id]))
        return id
      }),
    )
  }

  async job(id: string): Promise<Seen> {
    return await this.clients.job(id)
  }

  /** Until an agent of each of these waits to be told. */
  async untilHeld(ids: readonly string[], limitMs = 120_000): Promise<void> {
    const { holds } = this.#outside
    await until(`${ids.length} agents wait`, async () => ids.every(id => holds.agentsOf(id) > 0), limitMs)
  }

  async untilOver(ids: readonly string[], limitMs = 300_000): Promise<Map<string, Seen>> {
    const over = new Map<string, Seen>()
    await until(
      'all jobs are over',
      async () => {
        for (const id of ids.filter(each => !over.has(each))) {
          const job = await this.clients.job(id)
          if (isOver(job)) over.set(id, job)
        }
        return over.size === ids.length
      },
      limitMs,
    ).catch(error => console.error(String(error)))
    return over
  }

  /** Waits for the end of all that was submitted, and says what is lost and what is doubled. */
  async reckon(chapter: Chapter, what: string, limitMs = 300_000): Promise<void> {
    const ids = [...this.#accepted.values()].flatMap(each => [...each])
    const seen = await this.untilOver(ids, limitMs)
    const { lost, doubled, wrong, orphans } = await check(this.clients, {
      seen,
      kills: [],
      repository: this.repository.path,
      accepted: this.#accepted,
      cancelled: new Set(),
      followed: new Map(),
      pulls: this.repository.pulls(),
      scratch: [],
    })
    await using laptop = Laptop.at(this.#place)
    const { stdout } = await laptop.agenticore('jobs', '--json', '-n', '1000')
    const listed: readonly Seen[] = JSON.parse(stdout || '[]')
    const ended = ids.filter(id => listed.find(job => job.id === id)?.status === 'succeeded')
    const [branches, pulls] = [await this.repository.branches(), this.repository.pulls()]
    const counts = `${ended.length} of ${ids.length} jobs succeeded by \`jobs --json\`, ${branches.length} branches, ${pulls.length} pull requests`
    const isKept =
      ended.length === ids.length && branches.length === ids.length && pulls.length === ids.length && lost.length === 0
    chapter.report(`${what}: none lost`, isKept, [counts, ...lost].join('; '))
    const pods = [...new Set(listed.map(job => job.pod_name))].sort()
    chapter.report(`${what}: none doubled`, doubled.length === 0, doubled.join('; ') || `ended on ${pods.join(', ')}`)
    const faults = [...wrong, ...orphans]
    chapter.report(`${what}: nothing else wrong, no process of an agent left`, faults.length === 0, faults.join('; '))
  }
}
