import { Octokit } from '@octokit/core'
import type { PullRequest, PullRequests } from '../jobs/ports.ts'
import { parseRepository } from '../jobs/repository.ts'
import { describe } from './description.ts'
import { type GitHubSettings, isOnGitHub } from './hosts.ts'

/** Pull requests by GitHub's REST API. Throws Octokit's own errors: what they say becomes the job's `pr_error`. */
export class GitHubPullRequests implements PullRequests {
  readonly #settings: GitHubSettings
  readonly #octokit: Octokit

  constructor(settings: GitHubSettings, userAgent: string) {
    this.#settings = settings
    this.#octokit = new Octokit({
      baseUrl: settings.apiUrl.replace(/\/$/, ''),
      userAgent,
      ...(settings.token === '' ? {} : { auth: settings.token }),
    })
  }

  serves(repoUrl: string): boolean {
    return isOnGitHub(parseRepository(repoUrl), this.#settings)
  }

  async open(request: PullRequest, signal: AbortSignal): Promise<string> {
    const [owner = '', repo = ''] = parseRepository(request.job.repoUrl).path.split('/')
    const existing = await this.#find({ owner, repo }, request, signal)
    if (existing) return existing
    const { title, body } = describe(request)
    const { data } = await this.#octokit.request('POST /repos/{owner}/{repo}/pulls', {
      owner,
      repo,
      title,
      body,
      head: request.head,
      base: request.base,
      request: { signal },
    })
    return data.html_url
  }

  async #find(
    repository: { owner: string; repo: string },
    request: PullRequest,
    signal: AbortSignal,
  ): Promise<string | undefined> {
    const { data } = await this.#octokit.request('GET /repos/{owner}/{repo}/pulls', {
      ...repository,
      head: `${repository.owner}:${request.head}`,
      state: 'open',
      request: { signal },
    })
    return data[0]?.html_url
  }
}
