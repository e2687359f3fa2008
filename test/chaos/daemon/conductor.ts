import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { type GitHub, startGitHub } from '../../fixtures/github/server.ts'
import { mulberry32 } from '../random.ts'
import { type Checked, check } from './check.ts'
import { Clients, isOver, type Seen } from './clients.ts'
import { KilledDaemon } from './killed.ts'

export interface DaemonPlan {
  /** A directory that is not there yet. */
  readonly directory: string
  readonly jobs: number
  /** A daemon lives so long at most, in ms. */
  readonly killEveryMs: number
  readonly seed: number
}

export interface DaemonReport extends Checked {
  readonly jobs: number
  readonly kills: number
  readonly cancelled: number
  readonly followed: number
  readonly seconds: number
}

const limitMs = 1_200_000
const submitters = 4
const owner = 'o'
const name = 'r'
const token = 'ghp_chaos0123456789abcdefghijklmnopqr'

/** Clients submit, cancel and follow jobs of a daemon that is killed all the while; then everything is checked. */
export async function conductDaemon(plan: DaemonPlan): Promise<DaemonReport> {
  const started = performance.now()
  mkdirSync(join(plan.directory, 'home/tmp'), { recursive: true })
  const github = await startGitHub({ root: join(plan.directory, 'github'), token, readOnlyToken: `${token}-reads` })
  try {
    const report = await new DaemonChaos(plan, github).run()
    return { ...report, seconds: (performance.now() - started) / 1000 }
  } finally {
    await github.close()
  }
}

class DaemonChaos {
  readonly #plan: DaemonPlan
  readonly #github: GitHub
  readonly #random: () => number
  /** The ids that each key was answered with. */
  readonly #accepted = new Map<string, Set<string>>()
  readonly #cancelled = new Set<string>()
  readonly #followed = new Map<string, Promise<string[]>>()

  constructor(plan: DaemonPlan, github: GitHub) {
    this.#plan = plan
    this.#github = github
    this.#random = mulberry32(plan.seed)
  }

  async run(): Promise<Omit<DaemonReport, 'seconds'>> {
    const { directory, jobs, killEveryMs } = this.#plan
    const repository = await this.#github.createRepo({ owner, name, files: { 'a.txt': 'a\n' } })
    const daemon = await KilledDaemon.start(this.#environment(), join(directory, 'serve.log'))
    const clients = new Clients([daemon.url])
    const killing = daemon.killAgainAndAgain(killEveryMs, this.#random)
    try {
      const each = (n: number): Promise<void> =>
        this.#submitAll(clients, n, Math.ceil(jobs / submitters), repository.cloneUrl)
      await Promise.all(Array.from({ length: submitters }, (_, n) => each(n)))
      const seen = await this.#untilAllOver(clients)
      daemon.spare()
      await killing
      return {
        ...(await this.#checked(clients, { seen, kills: daemon.kills, repository: repository.path })),
        jobs: seen.size,
        kills: daemon.kills.length,
        cancelled: this.#cancelled.size,
        followed: this.#followed.size,
      }
    } finally {
      daemon.spare()
      await killing.catch(() => undefined)
      await daemon.stop()
    }
  }

  #environment(): Record<string, string> {
    const home = join(this.#plan.directory, 'home')
    return {
      PATH: process.env.PATH ?? '',
      HOME: home,
      TMPDIR: join(home, 'tmp'),
      AGENTICORE_CLAUDE_BINARY: join(import.meta.dirname, 'agent'),
      AGENTICORE_AGENT_ISOLATION: 'none',
      AGENTICORE_CONTROL_SOCKET: join(home, 'c.sock'),
      AGENTICORE_MIN_FREE_DISK: '1MiB',
      ANTHROPIC_API_KEY: 'sk-ant-chaos-0123456789',
      GITHUB_TOKEN: token,
      GITHUB_API_URL: this.#github.url,
    }
  }

  /** Every tenth works on the repository; some are sent twice, cancelled, or followed. */
  async #submitAll(clients: Clients, lane: number, count: number, cloneUrl: string): Promise<void> {
    for (let n = 0; n < count; n++) {
      const key = `${lane}-${n}`
      const body = { task: `job ${key}`, idempotency_key: key, ...(n % 10 === 0 ? { repo_url: cloneUrl } : {}) }
      const { id } = await clients.submit(body)
      const ids = new Set([id])
      this.#accepted.set(key, ids)
      const dice = this.#random()
      if (dice < 0.2) ids.add((await clients.submit(body)).id)
      else if (dice < 0.3) await this.#cancel(clients, id)
      else if (dice < 0.4) this.#followed.set(id, clients.follow(id))
    }
  }

  async #cancel(clients: Clients, id: string): Promise<void> {
    const job = await clients.cancel(id)
    if (job.status === 'cancelled' || !isOver(job)) this.#cancelled.add(id)
  }

  get #ids(): string[] {
    return [...this.#accepted.values()].flatMap(ids => [...ids])
  }

  async #untilAllOver(clients: Clients): Promise<Map<string, Seen>> {
    const over = new Map<string, Seen>()
    const end = performance.now() + limitMs
    while (performance.now() < end) {
      for (const id of this.#ids.filter(each => !over.has(each))) {
        const job = await clients.job(id)
        if (!isOver(job)) break
        over.set(id, job)
      }
      if (over.size === new Set(this.#ids).size) return over
      await delay(100)
    }
    return over
  }

  async #checked(
    clients: Clients,
    found: { seen: ReadonlyMap<string, Seen>; kills: readonly number[]; repository: string },
  ): Promise<Checked> {
    return await check(clients, {
      ...found,
      accepted: this.#accepted,
      cancelled: this.#cancelled,
      followed: this.#followed,
      pulls: this.#github.pulls(`${owner}/${name}`),
      scratch: [join(this.#plan.directory, 'home/.agenticore/worktrees')],
      said: () => 'done',
    })
  }
}
