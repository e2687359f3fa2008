import { Claude } from './agent/claude.ts'
import type { Surroundings } from './config/load.ts'
import { gitAuthorization } from './github/hosts.ts'
import { GitHubPullRequests } from './github/pull-requests.ts'
import { AgenticoreError } from './jobs/errors.ts'
import type { JobEvent } from './jobs/events.ts'
import type { Job } from './jobs/job.ts'
import type { EventLog } from './jobs/ports.ts'
import { jobPlaces, type LocalParts, secretsOf, warn } from './parts.ts'
import { which } from './process/which.ts'
import { CloneCache } from './repos/cache.ts'
import { Git } from './repos/git.ts'
import { resolveOrigin } from './repos/local-origin.ts'
import { GitWorkspaces } from './repos/workspaces.ts'
import { systemClock } from './util/clock.ts'
import { redactor } from './util/redact.ts'
import { JobRunner } from './worker/job-runner.ts'

/** How soon a cancel request by another process is noticed. */
const renewEveryMs = 500

/** The other half of the composition root: what it takes to run a job in this process. */
export function foreground(parts: LocalParts) {
  const { surroundings, store } = parts
  const git = gitFor(surroundings)
  const agent = agentFor(surroundings)
  return {
    resolveRepository: (text: string, cwd: string): Promise<string> => resolveOrigin(git, text, cwd),

    async preflight(): Promise<void> {
      if ((await which('git', surroundings.path)) === undefined) {
        throw new AgenticoreError('git_missing', 'git was not found on the PATH.')
      }
      await agent.preflight()
    },

    /** To its end; a job that was put off, because the model is busy, is waited for. */
    async run(job: Job, options: { signal: AbortSignal; onEvent(event: JobEvent): void }): Promise<Job> {
      const runner = new JobRunner({ ...runnerParts(parts, git, options.onEvent), agent })
      for (;;) {
        const lease = await store.claim({ podName: surroundings.settings.podName, only: job.id })
        if (!lease) throw new AgenticoreError('job_not_queued', `Job ${job.id} is ${job.status}, not queued.`)
        const now = await runner.run(lease, options.signal)
        if (now.status !== 'queued' || now.notBefore === undefined || options.signal.aborted) return now
        if (!(await slept(Date.parse(now.notBefore) - Date.now(), options.signal))) return now
      }
    },
  }
}

/** False when the signal came first. */
async function slept(ms: number, signal: AbortSignal): Promise<boolean> {
  try {
    await systemClock.sleep(Math.max(0, ms), signal)
    return true
  } catch (error) {
    if (!signal.aborted) throw error
    return false
  }
}

export type Foreground = ReturnType<typeof foreground>

function runnerParts(parts: LocalParts, git: Git, onEvent: (event: JobEvent) => void) {
  const { surroundings, journal, store, events } = parts
  const { settings } = surroundings
  const github = { apiUrl: settings.githubApiUrl, token: settings.githubToken }
  return {
    store,
    journal,
    events: heard(events, onEvent),
    workspaces: new GitWorkspaces({ git, cache: new CloneCache(settings.reposRoot, git), root: settings.worktreeRoot }),
    pullRequests: new GitHubPullRequests(github, 'agenticore'),
    clock: systemClock,
    redact: redactor(secretsOf(surroundings)),
    warn,
    ...jobPlaces(settings),
    renewEveryMs,
    random: Math.random,
  }
}

function gitFor(surroundings: Surroundings): Git {
  const { settings, path, home, sshAuthSock, network } = surroundings
  const github = { apiUrl: settings.githubApiUrl, token: settings.githubToken }
  return new Git({
    path,
    home,
    sshAuthSock,
    authorName: settings.gitAuthorName,
    authorEmail: settings.gitAuthorEmail,
    network,
    authorization: address => gitAuthorization(address, github),
  })
}

function agentFor({ settings, path, network, cloud }: Surroundings): Claude {
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
    clock: systemClock,
  })
}

/** The same log, with somebody listening to what is written. */
const heard = (events: EventLog, onEvent: (event: JobEvent) => void): EventLog => ({
  async append(lease, body) {
    const event = await events.append(lease, body)
    onEvent(event)
    return event
  },
  read: (id, options) => events.read(id, options),
})
