import { join } from 'node:path'
import { Claude } from './agent/claude.ts'
import type { Surroundings } from './config/load.ts'
import { credentialsOf, gitFor } from './git-here.ts'
import { isOfApi } from './github/hosts.ts'
import { closeToAgents, type Isolation, isolationFor } from './isolation.ts'
import type { FindCredential } from './jobs/credentials.ts'
import { AgenticoreError } from './jobs/errors.ts'
import type { JobEvent } from './jobs/events.ts'
import { isFinal, type Job } from './jobs/job.ts'
import { noMeasures } from './jobs/measures.ts'
import type { EventLog, Lease } from './jobs/ports.ts'
import type { Profiles } from './jobs/profile.ts'
import type { PullRequests } from './jobs/pull-request.ts'
import { parseRepository } from './jobs/repository.ts'
import { FileLock } from './locks/file-lock.ts'
import { jobPlaces, type LocalParts, secretName } from './parts.ts'
import { which } from './process/which.ts'
import { CloneCache } from './repos/cache.ts'
import { cloneCommit, headOf } from './repos/clone.ts'
import type { Git } from './repos/git.ts'
import { resolveOrigin } from './repos/local-origin.ts'
import { SharedTier } from './repos/shared-tier.ts'
import { GitWorkspaces } from './repos/workspaces.ts'
import { systemClock } from './util/clock.ts'
import { JobRunner } from './worker/job-runner.ts'
import { LeaseKeeper } from './worker/lease-keeper.ts'

/** How soon when the job waits for its time. */
const lookAgainMs = 1000

/** The other half of the composition root: what it takes to run a job in this process. */
export function foreground(parts: LocalParts) {
  const { surroundings, warn } = parts
  const findCredential = credentialsOf(parts)
  const git = gitFor(parts, findCredential)
  const agent = agentFor(parts)
  const preflight = async (): Promise<void> => {
    if ((await which('git', surroundings.path)) === undefined) {
      throw new AgenticoreError('git_missing', 'git was not found on the PATH.')
    }
    await agent.preflight()
  }
  const runnerFor = async (
    onEvent: (event: JobEvent) => void,
    { waitsForStorage = false } = {},
  ): Promise<JobRunner> => {
    const isolation = await isolationFor(surroundings)
    if (isolation.kind === 'user') await closeToAgents(surroundings)
    if (isolation.kind === 'none' && isPrivileged()) warnOfNone(isolation.missing, warn)
    return new JobRunner({ ...runnerParts(parts, { git, findCredential, isolation, onEvent }), agent, waitsForStorage })
  }
  return {
    resolveRepository: (text: string, cwd: string): Promise<string> => resolveOrigin(git, text, cwd),

    preflight,

    /** What runs attempts here, any number at once. @throws SettingError when users of their own are forced, and cannot be had */
    runnerFor,

    /** What opens an origin here: GITHUB_TOKEN, or what the user's own programs know. */
    findCredential,

    /** What agents run as here, in one line. @throws AgenticoreError for what keeps them from running */
    async checkAgent(): Promise<string> {
      return `Claude Code ${await agent.check(new AbortController().signal)}`
    },

    /** To its end; a job that was put off, because the model is busy, is waited for. */
    async run(job: Job, options: { signal: AbortSignal; onEvent(event: JobEvent): void }): Promise<Job> {
      // What cannot be run at all is not to cost a queued job its attempt.
      await preflight()
      const runner = await runnerFor(options.onEvent)
      return await toItsEnd(parts, job, { signal: options.signal, run: lease => runner.run(lease, options.signal) })
    },
  }
}

/** An origin that is no job's, with what opens it. */
export function fetchingFrom(parts: LocalParts, url: string, signal: AbortSignal) {
  const git = gitFor(parts, credentialsOf(parts))
  const remote = parseRepository(url)
  return {
    head: (): Promise<string> => headOf(git, remote, signal),
    fetch: (commit: string, directory: string): Promise<void> =>
      cloneCommit(git, remote, { commit, directory, signal }),
  }
}

/** What `--repo` means to somebody in a directory, who need not run jobs there. @throws as `resolveOrigin` */
export async function resolveHere(surroundings: Surroundings, text: string, cwd: string): Promise<string> {
  const nobody: FindCredential = async () => ({ kind: 'none', why: 'none is needed' })
  return await resolveOrigin(gitFor({ surroundings, measures: noMeasures }, nobody), text, cwd)
}

/** Attempt after attempt, while the job is put off; until it is over, or the signal comes. */
async function toItsEnd(
  parts: LocalParts,
  job: Job,
  { signal, run }: { signal: AbortSignal; run(lease: Lease): Promise<Job> },
): Promise<Job> {
  let now = (await parts.store.get(job.id)) ?? job
  if (isFinal(now)) throw notQueued(now)
  do {
    now = await whenDue(parts, now, signal)
    if (isFinal(now) || signal.aborted) return now
    const lease = await claimSoon(parts, job)
    if (!lease) throw notQueued((await parts.store.get(job.id)) ?? now)
    now = await run(lease)
  } while (now.status === 'queued' && !signal.aborted)
  return now
}

const notQueued = ({ id, status }: Job): AgenticoreError =>
  new AgenticoreError(
    'job_not_queued',
    status === 'queued' ? `Another process is taking job ${id}.` : `Job ${id} is ${status}, not queued.`,
  )

/** A job that somebody else is just taking back from a dead process is queued in a moment. */
async function claimSoon({ store, surroundings }: LocalParts, job: Job): Promise<Lease | undefined> {
  for (let tries = 10; ; tries--) {
    const lease = await store.claim({ podName: surroundings.settings.podName, only: job.id })
    const now = lease ? undefined : await store.get(job.id)
    if (lease || tries === 0 || now === undefined || isFinal(now)) return lease
    await systemClock.sleep(200)
  }
}

/** The job when it may start; or before that, when it is over, or the signal came first. */
async function whenDue({ store }: LocalParts, job: Job, signal: AbortSignal): Promise<Job> {
  let now = job
  try {
    while (now.status === 'queued' && now.notBefore !== undefined && Date.parse(now.notBefore) > Date.now()) {
      await systemClock.sleep(Math.min(Date.parse(now.notBefore) - Date.now(), lookAgainMs), signal)
      now = (await store.get(job.id)) ?? now
    }
  } catch (error) {
    if (!signal.aborted) throw error
  }
  return now
}

export type Foreground = ReturnType<typeof foreground>

/** Whether somebody might expect more than `none`. */
const isPrivileged = (): boolean => process.getuid?.() === 0

function warnOfNone(missing: readonly string[], warn: LocalParts['warn']): void {
  if (missing.length === 0) return
  warn(
    `Agents run as the user agenticore runs as, and can read what it can; for users of their own there is missing: ${missing.join(', ')}.`,
  )
}

interface RunningParts {
  readonly git: Git
  readonly findCredential: FindCredential
  readonly isolation: Isolation
  onEvent(event: JobEvent): void
}

function runnerParts(parts: LocalParts, { git, findCredential, isolation, onEvent }: RunningParts) {
  const { surroundings, secrets, journal, store, stored, events, warn, measures, tracing } = parts
  const { settings } = surroundings
  return {
    store,
    journal,
    events: heard(events, onEvent),
    profiles: profilesOf(parts),
    workspaces: new GitWorkspaces({
      git,
      ...cachesFor(parts, git),
      rules: parts.repositoryRules,
      root: settings.worktreeRoot,
    }),
    slots: isolation.slots,
    pullRequests: pullRequestsFor(parts, findCredential),
    clock: stored.clock,
    redact: secrets.redact,
    measures,
    tracing,
    warn,
    ...jobPlaces(settings),
    keeper: keeperFor(parts),
    leavings: stored.leavings,
    random: Math.random,
  }
}

/** Whoever is asked to stop hears of it at once. */
function keeperFor({ store, stored, measures }: LocalParts): LeaseKeeper {
  const keeper = new LeaseKeeper({ store, clock: systemClock, ...stored.leases, measures })
  stored.onCancel(id => keeper.wake(id))
  return keeper
}

/** One tier on the machine's own disk; where machines share a volume, a tier there besides. */
function cachesFor({ surroundings, stored, warn, measures }: LocalParts, git: Git) {
  const { sharedFsRoot, reposRoot: sharedRoot, cacheRoot, cacheLimitBytes: limitBytes } = surroundings.settings
  const lockIn = (root: string): FileLock => new FileLock(join(root, '.locks'), systemClock, measures)
  const cacheIn = (root: string, shared?: SharedTier): CloneCache =>
    new CloneCache({ root, git, lock: lockIn(root), limitBytes, shared, warn })
  const privateCache = (root: string): CloneCache => cacheIn(root)
  if (sharedFsRoot === '') return { cache: cacheIn(sharedRoot), privateCache }
  const lock = stored.lock ?? lockIn(sharedRoot)
  return { cache: cacheIn(cacheRoot, new SharedTier({ root: sharedRoot, limitBytes, lock, warn })), privateCache }
}

function agentFor({ surroundings, secrets, agentTelemetry, stored }: LocalParts): Claude {
  const { settings, path, network, cloud } = surroundings
  return new Claude({
    binary: settings.claudeBinary,
    credentials: {
      apiKey: settings.anthropicApiKey,
      authToken: settings.anthropicAuthToken,
      oauthToken: settings.claudeOauthToken,
      baseUrl: settings.anthropicBaseUrl,
      cloud,
    },
    host: {
      path,
      authorName: settings.gitAuthorName,
      authorEmail: settings.gitAuthorEmail,
      network,
      isRoot: process.getuid?.() === 0,
    },
    timeoutSeconds: settings.claudeTimeoutSeconds,
    redact: secrets.redact,
    clock: systemClock,
    ...(agentTelemetry ? { telemetry: agentTelemetry } : {}),
    ...(stored.leases.stopMs === undefined ? {} : { mostKillAfterMs: stored.leases.stopMs }),
  })
}

/** Loaded when one is opened: most of a run, and every run elsewhere than on GitHub, passes without it. */
function pullRequestsFor({ surroundings }: LocalParts, findCredential: FindCredential): PullRequests {
  const settings = { apiUrl: surroundings.settings.githubApiUrl }
  const waiting = { clock: systemClock, random: Math.random }
  const load = async (): Promise<PullRequests> => {
    const { GitHubPullRequests } = await import('./github/pull-requests.ts')
    return new GitHubPullRequests({ settings, findCredential, userAgent: 'agenticore', ...waiting })
  }
  return {
    serves: url => isOfApi(parseRepository(url), settings),
    open: async (...call) => await (await load()).open(...call),
    update: async (...call) => await (await load()).update(...call),
  }
}

/** What a profile calls a secret is kept out of everything that is written down, as ours are. */
const profilesOf = ({ profiles, secrets }: LocalParts): Profiles => ({
  async resolve(name) {
    const profile = await (await profiles()).resolve(name)
    secrets.add(...Object.entries(profile.env).flatMap(secretIn))
    return profile
  },
  materialize: async (profile, places) => await (await profiles()).materialize(profile, places),
})

/** A variable's value when its name says so, or the password in an address. */
const secretIn = ([name, value]: [string, string]): string[] =>
  secretName.test(name) ? [value] : [URL.parse(value)?.password ?? ''].filter(Boolean)

/** The same log, with somebody listening to what is written. */
const heard = (events: EventLog, onEvent: (event: JobEvent) => void): EventLog => ({
  async append(lease, body) {
    const event = await events.append(lease, body)
    onEvent(event)
    return event
  },
  read: (id, options) => events.read(id, options),
})
