import { gitHubToken } from '../../src/github/hosts.ts'
import { GitHubPullRequests } from '../../src/github/pull-requests.ts'
import type { FindCredential } from '../../src/jobs/credentials.ts'
import type { PullRequest } from '../../src/jobs/pull-request.ts'
import { type Clock, systemClock } from '../../src/util/clock.ts'
import { git } from '../fixtures/github/git.ts'
import type { RepoOptions } from '../fixtures/github/server.ts'
import { newJob } from './jobs.ts'
import { agentGit, token, type World } from './repos.ts'

interface Options {
  readonly secret?: string | undefined
  readonly clock?: Clock
  readonly findCredential?: FindCredential
}

/** Random numbers are all 0: every back-off is half of what it can be. */
export function pullRequestsOn(apiUrl: string, options: Options = {}): GitHubPullRequests {
  const { secret = token, clock = systemClock, findCredential = gitHubToken(secret, { apiUrl }) } = options
  return new GitHubPullRequests({
    settings: { apiUrl },
    findCredential,
    userAgent: 'agenticore',
    clock,
    random: () => 0,
  })
}

export interface Pushed {
  readonly request: PullRequest
  /** `owner/name` */
  readonly fullName: string
}

let repos = 0

/** A repository with a pushed branch, and the request that opens its pull request. */
export async function pushedTo({ github }: World, options: Partial<RepoOptions> = {}): Promise<Pushed> {
  const place = { owner: 'o', name: `pulls${++repos}`, files: { 'a.txt': 'a\n' } }
  const { cloneUrl, path, commit } = await github.createRepo({ ...place, ...options })
  const head = 'agenticore/abc-fix'
  const sha = await agentGit(path, 'commit-tree', '-p', commit, '-m', 'work', `${commit}^{tree}`)
  await git(path, ['update-ref', `refs/heads/${head}`, sha])
  const job = {
    ...newJob(new Date(), { repoUrl: cloneUrl, task: 'Fix the login bug' }),
    fence: 1,
    numTurns: 3,
    totalCostUsd: 0.5,
  }
  const files = [{ path: 'a|<b>.txt', added: 1, removed: 2 }, { path: 'picture.bin' }]
  const request = {
    job,
    head,
    base: 'main',
    summary: 'All done.',
    files,
    draft: false,
    labels: [],
    doneBy: 1,
    create: true,
  }
  return { request, fullName: new URL(cloneUrl).pathname.slice(1).replace(/\.git$/, '') }
}

/** What the promise rejects with; says so when it does not. */
export async function messageOf(promise: Promise<unknown>): Promise<string> {
  const error: unknown = await promise.then(
    value => `no error: ${JSON.stringify(value)}`,
    (thrown: unknown) => thrown,
  )
  return error instanceof Error ? error.message : String(error)
}
