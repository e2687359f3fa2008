import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { type Cli, type CliOptions, cliFor } from './cli.ts'
import { cliTo, type DaemonUnderTest, startDaemon } from './daemon.ts'
import { type RedisUnderTest, startRedis } from './redis.ts'
import { until } from './until.ts'

export interface FleetOptions {
  /** A program of `test/fixtures/agents`; the pinned Claude Code, if not given. */
  readonly agent?: string
  readonly env?: Readonly<Record<string, string>>
  /** Arguments of redis-server. */
  readonly args?: readonly string[]
}

export interface PodUnderTest extends DaemonUnderTest {
  readonly name: string
  readonly home: string
  /** The command line of somebody who talks to this pod. */
  readonly cli: Cli
  /** The command line inside the pod. */
  readonly inside: Cli
}

/** A Redis, a directory that machines share, and machines on which pods are started. */
export class FleetUnderTest {
  readonly redis: RedisUnderTest
  readonly shared: string
  readonly #t: Test
  readonly #root: string
  readonly #options: FleetOptions
  #gates = 0

  constructor(t: Test, root: string, redis: RedisUnderTest, options: FleetOptions) {
    this.#t = t
    this.#root = root
    this.redis = redis
    this.#options = options
    this.shared = join(root, 'shared')
    mkdirSync(this.shared)
  }

  async pod(
    name: string,
    { env = {}, port = 0 }: { env?: CliOptions['env']; port?: number } = {},
  ): Promise<PodUnderTest> {
    const inside = this.machine(name, env)
    const daemon = await startDaemon(this.#t, inside, { port })
    await until(async () => (await daemon.request('GET', '/ready')).status === 200 || undefined)
    return { ...daemon, name, home: inside.home, inside, cli: cliTo(daemon, this.machine(`${name}-laptop`)) }
  }

  machine(name: string, env: CliOptions['env'] = {}): Cli {
    const { agent, env: common = {} } = this.#options
    return cliFor(join(this.#root, name), {
      REDIS_URL: this.redis.url,
      AGENTICORE_SHARED_FS_ROOT: this.shared,
      AGENTICORE_POD_NAME: name,
      AGENTICORE_LEASE_SECONDS: '5',
      AGENTICORE_MIN_FREE_DISK: '1MiB',
      ANTHROPIC_API_KEY: 'sk-ant-test-0123456789',
      ...(agent === undefined
        ? {}
        : { AGENTICORE_CLAUDE_BINARY: join(import.meta.dirname, '../fixtures/agents', agent) }),
      ...common,
      ...env,
    })
  }

  /** Something that jobs of the agent `obeys` wait for. */
  gate() {
    this.#gates += 1
    const path = join(this.#root, `gate-${this.#gates}`)
    const started = (): string => (existsSync(`${path}.started`) ? readFileSync(`${path}.started`, 'utf8') : '')
    const begun = (): string[] => started().split('\n').slice(0, -1)
    return {
      task: `wait for ${path}`,
      open: () => writeFileSync(path, ''),
      /** Of the agents that have begun to wait, in their order. */
      pids: () => begun().map(Number),
      begun: (count = 1) => until(() => begun().length >= count || undefined, 60_000),
    }
  }
}

export async function fleet(t: Test, options: FleetOptions = {}): Promise<FleetUnderTest> {
  // tap takes a directory that was made before the first teardown away before it calls any.
  t.teardown(() => undefined)
  const root = t.testdir({ redis: {} })
  const redis = await startRedis({
    directory: join(root, 'redis'),
    args: options.args ?? ['--save', '', '--appendonly', 'yes'],
  })
  t.teardown(() => redis.stop())
  return new FleetUnderTest(t, root, redis, options)
}

/** A job as the pod shows it. */
export const jobOf = async (pod: DaemonUnderTest, id: string) => (await pod.request('GET', `/jobs/${id}`)).json.job

/** @returns its id */
export async function submitTo(pod: DaemonUnderTest, task: string, more: object = {}): Promise<string> {
  const { status, json, text } = await pod.request('POST', '/jobs', { body: { task, ...more } })
  if (status !== 200) throw new Error(`POST /jobs: ${status} ${text}`)
  return json.job.id
}

/** The job when it has ended. */
export const endOf = async (pod: DaemonUnderTest, id: string) =>
  await until(async () => {
    const job = await jobOf(pod, id)
    return ['succeeded', 'failed', 'cancelled', 'expired'].includes(job?.status) ? job : undefined
  }, 60_000)
