import type { Octokit } from '@octokit/core'
import type { FindCredential, Lookup } from '../jobs/credentials.ts'
import type { OnWait, OpenedPullRequest, PullRequest, PullRequests } from '../jobs/pull-request.ts'
import { parseRepository } from '../jobs/repository.ts'
import { messageOf } from '../util/error-code.ts'
import { type Pull, PullRequestApi } from './api.ts'
import { commentFor, describe, markerOf } from './description.ts'
import { type GitHubSettings, gitHubAddress, isOfApi } from './hosts.ts'
import { Patience, type Waiting } from './patience.ts'
import { GitHubError } from './trouble.ts'

export interface GitHubParts extends Waiting {
  readonly settings: GitHubSettings
  /** Asked for the API's own GitHub alone, where the password it has is a token. */
  readonly findCredential: FindCredential
  readonly userAgent: string
}

/** Pull requests by GitHub's REST API. */
export class GitHubPullRequests implements PullRequests {
  readonly #parts: GitHubParts

  constructor(parts: GitHubParts) {
    this.#parts = parts
  }

  serves(repoUrl: string): boolean {
    return isOfApi(parseRepository(repoUrl), this.#parts.settings)
  }

  /**
   * Waits rate limits out and tries again what may pass, for at most 10 minutes of waiting.
   * @throws Error whose message becomes the job's `pr_error`, or the signal's reason; nothing once it is open
   */
  async open(request: PullRequest, signal: AbortSignal, onWait?: OnWait): Promise<OpenedPullRequest> {
    const warnings: string[] = []
    const opening = await this.#opening(request, { signal, onWait })
    return await completed(opening, await findOrCreate(opening, warnings), warnings)
  }

  async update(request: PullRequest, signal: AbortSignal, onWait?: OnWait): Promise<OpenedPullRequest | undefined> {
    const opening = await this.#opening(request, { signal, onWait })
    const pull = await opening.patience.keep(() => opening.api.find(request.head))
    return pull && (await completed(opening, pull, []))
  }

  async #opening(request: PullRequest, { signal, onWait }: Call): Promise<Opening> {
    const { settings, findCredential, clock } = this.#parts
    const { path } = parseRepository(request.job.repoUrl)
    const [owner = '', repo = ''] = path.split('/')
    const address = gitHubAddress(path, settings)
    const lookup = await findCredential(address, signal)
    const octokit = await this.#connect(lookup)
    const api = new PullRequestApi({ octokit, repository: { owner, repo }, host: address.host, lookup, clock, signal })
    return { api, request, patience: new Patience(this.#parts, signal, onWait) }
  }

  async #connect(lookup: Lookup): Promise<Octokit> {
    // Loaded when first needed: most of a run passes without it.
    const { Octokit } = await import('@octokit/core')
    const { settings, userAgent } = this.#parts
    const baseUrl = settings.apiUrl.replace(/\/$/, '')
    const auth = lookup.kind === 'found' ? { auth: lookup.credential.password } : {}
    return new Octokit({ baseUrl, userAgent, ...auth })
  }
}

interface Call {
  readonly signal: AbortSignal
  readonly onWait: OnWait | undefined
}

interface Opening {
  readonly api: PullRequestApi
  readonly patience: Patience
  readonly request: PullRequest
}

/** @param before what is to be said already */
async function completed(opening: Opening, pull: Pull, before: readonly string[]): Promise<OpenedPullRequest> {
  const warnings = [...before]
  await label(opening, pull).catch(error => warnings.push(`Labels were not added: ${messageOf(error)}`))
  await comment(opening, pull).catch(error => warnings.push(`The comment was not made: ${messageOf(error)}`))
  return { url: pull.url, warnings }
}

/** Every try begins with a look: a create that failed by its connection may have happened. */
async function findOrCreate({ api, patience, request }: Opening, warnings: string[]): Promise<Pull> {
  const { head, base } = request
  let { draft } = request
  const lookAndCreate = async (): Promise<Pull> => {
    const open = await api.find(head)
    if (open) return open
    try {
      return await api.create({ ...describe(request), head, base, draft })
    } catch (error) {
      if (draft && isRefusal(error, /draft pull requests are not supported/i)) {
        draft = false
        warnings.push('The repository takes no drafts: this is an ordinary pull request.')
        return lookAndCreate()
      }
      if (isRefusal(error, /pull request already exists/i)) return theOneThatExists(api, head, error)
      throw error
    }
  }
  return await patience.keep(lookAndCreate)
}

const isRefusal = (error: unknown, words: RegExp): error is GitHubError =>
  error instanceof GitHubError && error.status === 422 && words.test(error.message)

/** Somebody was faster between the two calls, or GitHub's lists lag behind: what is wanted is there, or soon will be. */
async function theOneThatExists(api: PullRequestApi, head: string, error: GitHubError): Promise<Pull> {
  const pull = await api.find(head)
  if (pull) return pull
  throw new GitHubError(error.message, { trouble: { kind: 'passing' }, status: 422, cause: error })
}

async function label({ api, patience, request }: Opening, pull: Pull): Promise<void> {
  const has = new Set(pull.labels.map(name => name.toLowerCase()))
  const missing = request.labels.filter(name => !has.has(name.toLowerCase()))
  if (missing.length > 0) await patience.keep(() => api.addLabels(pull.number, missing))
}

/** Not on the pull request whose body this very attempt wrote. */
async function comment({ api, patience, request }: Opening, pull: Pull): Promise<void> {
  const text = commentFor(request)
  const marker = markerOf(request)
  if (text === undefined || pull.body.includes(marker)) return
  await patience.keep(async () => {
    if (!(await api.hasComment(pull.number, marker))) await api.comment(pull.number, text)
  })
}
