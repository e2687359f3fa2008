import type { Octokit } from '@octokit/core'
import type { PullRequest, PullRequests } from '../jobs/ports.ts'
import { parseRepository } from '../jobs/repository.ts'
import { describe } from './description.ts'
import { type GitHubSettings, isOnGitHub } from './hosts.ts'

interface Repository {
  readonly owner: string
  readonly repo: string
}

const isUnprocessable = (error: unknown): boolean => error instanceof Error && 'status' in error && error.status === 422

/** Pull requests by GitHub's REST API. Throws Octokit's own errors: what they say becomes the job's `pr_error`. */
export class GitHubPullRequests implements PullRequests {
  readonly #settings: GitHubSettings
  readonly #userAgent: string
  #client: Promise<Octokit> | undefined

  constructor(settings: GitHubSettings, userAgent: string) {
    this.#settings = settings
    this.#userAgent = userAgent
  }

  serves(repoUrl: string): boolean {
    return isOnGitHub(parseRepository(repoUrl), this.#settings)
  }

  async open(request: PullRequest, signal: AbortSignal): Promise<string> {
    const [owner = '', repo = ''] = parseRepository(request.job.repoUrl).path.split('/')
    const existing = await this.#find({ owner, repo }, request, signal)
    if (existing) return existing
    try {
      return await this.#create({ owner, repo }, request, signal)
    } catch (error) {
      // Somebody was faster between the two calls: what is wanted is there.
      const theirs = isUnprocessable(error) ? await this.#find({ owner, repo }, request, signal) : undefined
      if (theirs === undefined) throw error
      return theirs
    }
  }

  async #create(repository: Repository, request: PullRequest, signal: AbortSignal): Promise<string> {
    const { title, body } = describe(request)
    const { head, base } = request
    const parameters = { ...repository, title, body, head, base, request: { signal } }
    const { data } = await (await this.#octokit()).request('POST /repos/{owner}/{repo}/pulls', parameters)
    return data.html_url
  }

  async #find(repository: Repository, request: PullRequest, signal: AbortSignal): Promise<string | undefined> {
    const { data } = await (await this.#octokit()).request('GET /repos/{owner}/{repo}/pulls', {
      ...repository,
      head: `${repository.owner}:${request.head}`,
      state: 'open',
      request: { signal },
    })
    return data[0]?.html_url
  }

  /** Loaded when first needed: most of a run passes without it. */
  #octokit(): Promise<Octokit> {
    this.#client ??= this.#connect()
    return this.#client
  }

  async #connect(): Promise<Octokit> {
    const { Octokit } = await import('@octokit/core')
    const { apiUrl, token } = this.#settings
    const baseUrl = apiUrl.replace(/\/$/, '')
    return new Octokit({ baseUrl, userAgent: this.#userAgent, ...(token === '' ? {} : { auth: token }) })
  }
}
