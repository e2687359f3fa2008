import type { Octokit } from '@octokit/core'
import { type FindCredential, type Lookup, refusalOf } from '../jobs/credentials.ts'
import type { PullRequest, PullRequests } from '../jobs/ports.ts'
import { parseRepository } from '../jobs/repository.ts'
import { messageOf } from '../util/error-code.ts'
import { describe } from './description.ts'
import { type GitHubSettings, gitHubAddress, isOnGitHub } from './hosts.ts'

interface Repository {
  readonly client: Octokit
  readonly owner: string
  readonly repo: string
}

const statusOf = (error: unknown): unknown => (error instanceof Error && 'status' in error ? error.status : undefined)
const refusals = new Map<unknown, 'refused' | 'not found'>([
  [401, 'refused'],
  [403, 'refused'],
  [404, 'not found'],
])

/**
 * Pull requests by GitHub's REST API. Throws Octokit's own errors, or, for a refusal, one that also says which
 * credential was refused: what they say becomes the job's `pr_error`.
 */
export class GitHubPullRequests implements PullRequests {
  readonly #settings: GitHubSettings
  readonly #findCredential: FindCredential
  readonly #userAgent: string

  /** @param findCredential is asked for the API's own GitHub alone, where the password it has is a token */
  constructor(settings: GitHubSettings, findCredential: FindCredential, userAgent: string) {
    this.#settings = settings
    this.#findCredential = findCredential
    this.#userAgent = userAgent
  }

  serves(repoUrl: string): boolean {
    return isOnGitHub(parseRepository(repoUrl), this.#settings)
  }

  async open(request: PullRequest, signal: AbortSignal): Promise<string> {
    const { path } = parseRepository(request.job.repoUrl)
    const [owner = '', repo = ''] = path.split('/')
    const address = gitHubAddress(path, this.#settings)
    const lookup = await this.#findCredential(address, signal)
    try {
      const client = await this.#connect(lookup)
      return await this.#findOrCreate({ client, owner, repo }, request, signal)
    } catch (error) {
      const how = refusals.get(statusOf(error))
      if (how === undefined) throw error
      throw new Error(`${refusalOf(address.host, lookup, how)} / ${messageOf(error)}`, { cause: error })
    }
  }

  async #findOrCreate(repository: Repository, request: PullRequest, signal: AbortSignal): Promise<string> {
    const existing = await this.#find(repository, request, signal)
    if (existing) return existing
    try {
      return await this.#create(repository, request, signal)
    } catch (error) {
      // Somebody was faster between the two calls: what is wanted is there.
      const theirs = statusOf(error) === 422 ? await this.#find(repository, request, signal) : undefined
      if (theirs === undefined) throw error
      return theirs
    }
  }

  async #create({ client, ...repository }: Repository, request: PullRequest, signal: AbortSignal): Promise<string> {
    const { title, body } = describe(request)
    const { head, base } = request
    const parameters = { ...repository, title, body, head, base, request: { signal } }
    const { data } = await client.request('POST /repos/{owner}/{repo}/pulls', parameters)
    return data.html_url
  }

  async #find(
    { client, ...repository }: Repository,
    request: PullRequest,
    signal: AbortSignal,
  ): Promise<string | undefined> {
    const { data } = await client.request('GET /repos/{owner}/{repo}/pulls', {
      ...repository,
      head: `${repository.owner}:${request.head}`,
      state: 'open',
      request: { signal },
    })
    return data[0]?.html_url
  }

  async #connect(lookup: Lookup): Promise<Octokit> {
    // Loaded when first needed: most of a run passes without it.
    const { Octokit } = await import('@octokit/core')
    const baseUrl = this.#settings.apiUrl.replace(/\/$/, '')
    const auth = lookup.kind === 'found' ? { auth: lookup.credential.password } : {}
    return new Octokit({ baseUrl, userAgent: this.#userAgent, ...auth })
  }
}
