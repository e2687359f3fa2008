import { mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { git } from '../../fixtures/github/git.ts'
import { type GitHub, startGitHub } from '../../fixtures/github/server.ts'
import { processesWith } from '../../helpers/processes.ts'
import { until } from '../../helpers/until.ts'
import { mulberry32 } from '../random.ts'
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

export interface DaemonReport {
  readonly jobs: number
  readonly kills: number
  readonly cancelled: number
  readonly poison: number
  readonly followed: number
  readonly lost: readonly string[]
  readonly doubled: readonly string[]
  /** Anything else that is not as it should be. */
  readonly wrong: readonly string[]
  /** From a kill to the next start of a job it hit, or to that job's end; ascending, in ms. */
  readonly recoveriesMs: readonly number[]
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
    const clients = new Clients(daemon.url)
    const killing = daemon.killAgainAndAgain(killEveryMs, this.#random)
    try {
      const each = (n: number): Promise<void> =>
        this.#submitAll(clients, n, Math.ceil(jobs / submitters), repository.cloneUrl)
      await Promise.all(Array.from({ length: submitters }, (_, n) => each(n)))
      const seen = await this.#untilAllOver(clients)
      daemon.spare()
      await killing
      return await this.#check(clients, seen, daemon.kills, repository.path)
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

  async #check(
    clients: Clients,
    seen: ReadonlyMap<string, Seen>,
    kills: readonly number[],
    repository: string,
  ): Promise<Omit<DaemonReport, 'seconds'>> {
    const jobs = [...seen.values()]
    const branches = (await git(repository, ['for-each-ref', '--format=%(refname:short)', 'refs/heads'])).split('\n')
    const wrong = [
      ...jobs.flatMap(faults),
      ...[...this.#cancelled].filter(id => seen.get(id)?.status !== 'cancelled').map(id => `${id} was to be cancelled`),
      ...(await this.#misfollowed(clients)),
      ...(await this.#leftBehind()),
    ]
    return {
      jobs: seen.size,
      kills: kills.length,
      cancelled: this.#cancelled.size,
      poison: jobs.filter(job => job.error_code === 'poison').length,
      followed: this.#followed.size,
      lost: this.#ids.filter(id => !seen.has(id)),
      doubled: [
        ...[...this.#accepted].flatMap(([key, ids]) => (ids.size > 1 ? [`${key} is ${[...ids].join(' and ')}`] : [])),
        ...this.#deliveredTwice(jobs, branches),
      ],
      wrong,
      recoveriesMs: await recoveries(clients, jobs, kills),
    }
  }

  /** A job has one branch, and that one pull request. */
  #deliveredTwice(jobs: readonly Seen[], branches: readonly string[]): string[] {
    const pulls = this.#github.pulls(`${owner}/${name}`)
    return jobs
      .filter(job => job.repo_url !== '' && job.status === 'succeeded')
      .flatMap(({ id, branch }) => {
        const own = branches.filter(each => each.includes(id.slice(-12)))
        const open = pulls.filter(({ head }) => JSON.stringify(head).includes(branch))
        return own.length === 1 && open.length === 1
          ? []
          : [`${id} has ${own.length} branches, ${open.length} pull requests`]
      })
  }

  async #misfollowed(clients: Clients): Promise<string[]> {
    const wrong: string[] = []
    for (const [id, following] of this.#followed) {
      const all = (await clients.events(id)).map(event => event.id)
      const got = await following
      if (got.join() !== all.join()) wrong.push(`who followed ${id} got ${got.join()} of ${all.join()}`)
    }
    return wrong
  }

  /** Processes and trees, five seconds after the end. */
  async #leftBehind(): Promise<string[]> {
    const { directory } = this.#plan
    const scratch = join(directory, 'home/.agenticore/worktrees')
    const processes = (): number[] => processesWith(`${scratch}/.agent`)
    const trees = (): string[] => readdirSync(scratch).filter(entry => !entry.startsWith('.'))
    const isClean = (): true | undefined => (processes().length + trees().length === 0 ? true : undefined)
    await until(isClean, 5000).catch(() => undefined)
    return [...processes().map(pid => `process ${pid} is left`), ...trees().map(tree => `tree ${tree} is left`)]
  }
}

function faults({ id, status, error_code: code, error }: Seen): string[] {
  return status === 'succeeded' || status === 'cancelled' || code === 'poison' ? [] : [`${id} is ${status}: ${error}`]
}

async function recoveries(clients: Clients, jobs: readonly Seen[], kills: readonly number[]): Promise<number[]> {
  const found: number[] = []
  for (const { id, ended_at: endedAt } of jobs) {
    const events = await clients.events(id)
    for (const [index, event] of events.entries()) {
      if (event.type !== 'released' || !event.reason?.includes('died')) continue
      const kill = kills.findLast(at => at <= Date.parse(event.at))
      const next = events.slice(index).find(each => each.type === 'claimed')?.at ?? endedAt
      if (kill !== undefined && next !== undefined) found.push(Date.parse(next) - kill)
    }
  }
  return found.sort((a, b) => a - b)
}
