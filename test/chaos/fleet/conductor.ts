import { cpSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { type GitHub, startGitHub } from '../../fixtures/github/server.ts'
import { type RedisUnderTest, startRedis } from '../../helpers/redis.ts'
import { type Checked, check } from '../daemon/check.ts'
import { Clients } from '../daemon/clients.ts'
import { mulberry32 } from '../random.ts'
import { crashesOf, recoveriesMs } from './crashes.ts'
import { Crowd } from './crowd.ts'
import { Faults } from './faults.ts'
import { mountSmall, unmount } from './full-disk.ts'
import { journalFaults, scalerFaults } from './kept.ts'
import { marksFaults } from './marks.ts'
import { ChaosPod } from './pod.ts'
import { poisonFaults } from './poison.ts'
import { type Persistence, redisArgs } from './redis-faults.ts'

export interface FleetPlan {
  /** A directory that is not there yet. */
  readonly directory: string
  readonly jobs: number
  readonly pods: number
  /** How many jobs a pod runs at once. */
  readonly slots: number
  readonly persistence: Persistence
  /** Also the disk that all of them share, now and then; what runs into that waits for half a minute or longer. */
  readonly fillsDisk: boolean
  /** Something happens to one of two pods every so often, to Redis or the disk every second or third time as often, in ms. */
  readonly faultEveryMs: number
  readonly seed: number
  readonly limitMs?: number
}

export interface FleetReport extends Omit<Checked, 'events'> {
  readonly jobs: number
  readonly faults: ReadonlyMap<string, number>
  readonly cancelled: number
  readonly followed: number
  /** How often an agent was started. */
  readonly starts: number
  readonly seconds: number
}

/** What is not as it should be, in words. */
export const findingsOf = (report: Pick<FleetReport, (typeof findings)[number]>): string[] =>
  findings.flatMap(kind => report[kind].map(what => `${kind}: ${what}`))

export const findings = ['lost', 'doubled', 'orphans', 'wrong'] as const

const leaseMs = 5000
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
  const redis = await startRedis({ directory: join(plan.directory, 'redis'), args: redisArgs[plan.persistence] })
  try {
    const report = await new FleetChaos(plan, {
      github,
      redis,
      shared,
      disk: isDisk && plan.fillsDisk ? shared : undefined,
    }).run()
    // A disk of its own is gone in a moment.
    if (findingsOf(report).length > 0)
      cpSync(join(shared, 'job-state'), join(plan.directory, 'job-state'), { recursive: true })
    return { ...report, seconds: (performance.now() - started) / 1000 }
  } finally {
    await redis.stop()
    await github.close()
    if (isDisk) unmount(shared)
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

  constructor(plan: FleetPlan, around: Around) {
    this.#plan = plan
    this.#around = around
  }

  async run(): Promise<Omit<FleetReport, 'seconds'>> {
    const { jobs, faultEveryMs, seed, limitMs = 900_000 } = this.#plan
    const { github } = this.#around
    const random = mulberry32(seed)
    const repository = await github.createRepo({ owner, name, files: { 'a.txt': 'a\n' } })
    const pods = await this.#startPods()
    const clients = new Clients(...pods.map(({ url }) => url))
    const crowd = new Crowd({ clients, jobs, cloneUrl: repository.cloneUrl, random })
    const faults = new Faults({ ...this.#plan, ...this.#around, pods, leaseMs, random })
    // Something to be in the middle of.
    await clients.ids()
    const making = faults.make(faultEveryMs)
    try {
      await crowd.use(limitMs, () => faults.stop())
      faults.stop()
      await making
      return await this.#checked({ clients, crowd, faults, pods, repository: repository.path })
    } finally {
      faults.stop()
      await making.catch(() => undefined)
      await Promise.all(pods.map(pod => pod.close()))
    }
  }

  async #startPods(): Promise<ChaosPod[]> {
    const { directory, pods, slots } = this.#plan
    const { github, redis, shared } = this.#around
    const env = {
      AGENTICORE_SHARED_FS_ROOT: shared,
      AGENTICORE_LEASE_SECONDS: String(leaseMs / 1000),
      AGENTICORE_MAX_PARALLEL_JOBS: String(slots),
      GITHUB_TOKEN: token,
      GITHUB_API_URL: github.url,
    }
    const places = Array.from({ length: pods }, (_, n) => ({
      name: `pod-${n}`,
      directory: join(directory, `pod-${n}`),
      redisPort: redis.port,
      leaseMs,
      env: { ...env, AGENTICORE_POD_INDEX: String(n) },
    }))
    return await Promise.all(places.map(place => ChaosPod.start(place)))
  }

  async #checked({ clients, crowd, faults, pods, repository }: Played): Promise<Omit<FleetReport, 'seconds'>> {
    const { github, redis, shared } = this.#around
    const { over: seen, accepted, cancelled, followed } = crowd
    const { events, ...checked } = await check(clients, {
      ...{ seen, accepted, cancelled, followed, repository, kills: faults.kills },
      pulls: github.pulls(`${owner}/${name}`),
      scratch: pods.map(({ scratch }) => scratch),
      said: ({ id, fence }) => `by ${id}/${fence}`,
    })
    const looked = pods.map(pod => ({
      name: pod.name,
      marks: pod.marks,
      absences: pod.absences.all,
      troubles: pod.troubles.all,
    }))
    const { faults: overlapping, starts } = marksFaults(looked, seen.values())
    const crashes = new Map([...seen.values()].map(job => [job.id, crashesOf(job, events.get(job.id) ?? [])]))
    return {
      ...checked,
      recoveriesMs: recoveriesMs([...crashes.values()].flat(), looked),
      doubled: [...checked.doubled, ...overlapping],
      wrong: [
        ...checked.wrong,
        ...pods.filter(pod => pod.failures > 0).map(pod => `${pod.name} ended by itself, ${pod.failures} times`),
        ...poisonFaults(looked, seen.values(), ({ id }) => crashes.get(id) ?? []),
        ...(await journalFaults(shared, seen)),
        ...(await scalerFaults(redis.client)),
      ],
      jobs: seen.size,
      starts,
      faults: faults.counts,
      cancelled: cancelled.size,
      followed: followed.size,
    }
  }
}

/** Those who took part. */
interface Played {
  readonly clients: Clients
  readonly crowd: Crowd
  readonly faults: Faults
  readonly pods: readonly ChaosPod[]
  /** At the origin. */
  readonly repository: string
}
