import { execFileSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { type GitHub, startGitHub } from '../../fixtures/github/server.ts'
import { type RedisUnderTest, startRedis } from '../../helpers/redis.ts'
import { type Checked, check } from '../daemon/check.ts'
import { Clients, isOver, type Seen } from '../daemon/clients.ts'
import { mulberry32 } from '../random.ts'
import { Faults } from './faults.ts'
import { ChaosPod } from './pod.ts'

export interface FleetPlan {
  /** A directory that is not there yet. */
  readonly directory: string
  readonly jobs: number
  readonly pods: number
  /** A fault of the pods comes every so often, one of Redis or the disk every second or third time as often, in ms. */
  readonly faultEveryMs: number
  readonly seed: number
  readonly limitMs?: number
}

export interface FleetReport extends Checked {
  readonly jobs: number
  readonly faults: ReadonlyMap<string, number>
  /** Names of the pods that jobs ended on. */
  readonly pods: number
  readonly cancelled: number
  readonly followed: number
  readonly seconds: number
}

const leaseSeconds = 5
const submitters = 6
const owner = 'o'
const name = 'r'
const token = 'ghp_chaos0123456789abcdefghijklmnopqr'

/** Clients submit, cancel and follow jobs of a fleet in which everything fails all the while; then everything is checked. */
export async function conductFleet(plan: FleetPlan): Promise<FleetReport> {
  const started = performance.now()
  const shared = join(plan.directory, 'shared')
  mkdirSync(shared, { recursive: true })
  const isDisk = mountSmall(shared)
  const github = await startGitHub({ root: join(plan.directory, 'github'), token, readOnlyToken: `${token}-reads` })
  mkdirSync(join(plan.directory, 'redis'))
  const redis = await startRedis({
    directory: join(plan.directory, 'redis'),
    args: ['--save', '', '--appendonly', 'no'],
  })
  try {
    const report = await new FleetChaos(plan, { github, redis, shared, disk: isDisk ? shared : undefined }).run()
    return { ...report, seconds: (performance.now() - started) / 1000 }
  } finally {
    await redis.stop()
    await github.close()
    if (isDisk) execFileSync('umount', ['--lazy', shared])
  }
}

/** A disk of its own, that can be filled without harm to anybody; false where that is not allowed. */
function mountSmall(directory: string): boolean {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=768m', 'tmpfs', directory], { stdio: 'pipe' })
    return true
  } catch {
    return false
  }
}

interface Around {
  readonly github: GitHub
  readonly redis: RedisUnderTest
  readonly shared: string
  readonly disk: string | undefined
}

class FleetChaos {
  readonly #plan: FleetPlan
  readonly #around: Around
  readonly #random: () => number
  /** The ids that each key was answered with. */
  readonly #accepted = new Map<string, Set<string>>()
  readonly #cancelled = new Set<string>()
  readonly #followed = new Map<string, Promise<string[]>>()

  constructor(plan: FleetPlan, around: Around) {
    this.#plan = plan
    this.#around = around
    this.#random = mulberry32(plan.seed)
  }

  async run(): Promise<Omit<FleetReport, 'seconds'>> {
    const { jobs, faultEveryMs } = this.#plan
    const { github, redis, disk } = this.#around
    const repository = await github.createRepo({ owner, name, files: { 'a.txt': 'a\n' } })
    const pods = await this.#startPods()
    const clients = new Clients(pods.map(({ url }) => url))
    const faults = new Faults({ pods, redis, disk, leaseMs: leaseSeconds * 1000, random: this.#random })
    // Something to be in the middle of.
    await clients.ids()
    const making = faults.make(faultEveryMs)
    try {
      const each = Math.ceil(jobs / submitters)
      const lanes = Array.from({ length: submitters }, (_, n) => this.#submitAll(clients, n, each, repository.cloneUrl))
      await Promise.all(lanes)
      const faultsEnd = (): void => faults.stop()
      const seen = await this.#untilAllOver(clients, faultsEnd)
      faults.stop()
      await making
      return {
        ...(await check(clients, {
          seen,
          kills: faults.kills,
          repository: repository.path,
          accepted: this.#accepted,
          cancelled: this.#cancelled,
          followed: this.#followed,
          pulls: github.pulls(`${owner}/${name}`),
          scratch: pods.map(({ scratch }) => scratch),
        })),
        jobs: seen.size,
        pods: new Set([...seen.values()].map(job => job.pod_name)).size,
        faults: faults.counts,
        cancelled: this.#cancelled.size,
        followed: this.#followed.size,
      }
    } finally {
      faults.stop()
      await making.catch(() => undefined)
      await Promise.all(pods.map(pod => pod.close()))
    }
  }

  async #startPods(): Promise<ChaosPod[]> {
    const { directory, pods } = this.#plan
    const { github, redis, shared } = this.#around
    const env = {
      AGENTICORE_SHARED_FS_ROOT: shared,
      AGENTICORE_LEASE_SECONDS: String(leaseSeconds),
      GITHUB_TOKEN: token,
      GITHUB_API_URL: github.url,
    }
    const places = Array.from({ length: pods }, (_, n) => ({
      name: `pod-${n}`,
      directory: join(directory, `pod-${n}`),
      redisPort: redis.port,
      env: { ...env, AGENTICORE_POD_INDEX: String(n) },
    }))
    return await Promise.all(places.map(place => ChaosPod.start(place)))
  }

  /** Every twentieth works on the repository; some are sent twice, cancelled, or followed. */
  async #submitAll(clients: Clients, lane: number, count: number, cloneUrl: string): Promise<void> {
    for (let n = 0; n < count; n++) {
      const key = `${lane}-${n}`
      const body = { task: `job ${key}`, idempotency_key: key, ...(n % 20 === 0 ? { repo_url: cloneUrl } : {}) }
      const { id } = await clients.submit(body)
      const ids = new Set([id])
      this.#accepted.set(key, ids)
      const dice = this.#random()
      if (dice < 0.2) ids.add((await clients.submit(body)).id)
      else if (dice < 0.25) await this.#cancel(clients, id)
      else if (dice < 0.3) this.#followed.set(id, clients.follow(id))
    }
  }

  async #cancel(clients: Clients, id: string): Promise<void> {
    const job = await clients.cancel(id)
    if (job.status === 'cancelled' || !isOver(job)) this.#cancelled.add(id)
  }

  /** @param nearTheEnd called when the last tenth is left: what is asserted is that all of them end, not that faults do */
  async #untilAllOver(clients: Clients, nearTheEnd: () => void): Promise<Map<string, Seen>> {
    const { limitMs = 1_800_000 } = this.#plan
    const ids = new Set([...this.#accepted.values()].flatMap(each => [...each]))
    const over = new Map<string, Seen>()
    const end = performance.now() + limitMs
    while (performance.now() < end && over.size < ids.size) {
      for (const id of ids) {
        if (over.has(id)) continue
        const job = await clients.job(id)
        if (!isOver(job)) break
        over.set(id, job)
      }
      if (over.size > ids.size * 0.95) nearTheEnd()
      await delay(100)
    }
    return over
  }
}
