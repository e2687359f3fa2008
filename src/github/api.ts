import type { Octokit } from '@octokit/core'
import * as z from 'zod/mini'
import type { Lookup } from '../jobs/credentials.ts'
import type { Clock } from '../util/clock.ts'
import { GitHubError, understood } from './trouble.ts'

const requestTimeoutMs = 30_000

export interface Repository {
  readonly owner: string
  readonly repo: string
}

export interface NewPull {
  readonly title: string
  readonly body: string
  readonly head: string
  readonly base: string
  readonly draft: boolean
}

const pullFields = z.object({
  number: z.number(),
  html_url: z.string(),
  body: z.nullish(z.string()),
  labels: z.array(z.object({ name: z.string() })),
})
const pull = z.pipe(
  pullFields,
  z.transform(({ number, html_url, body, labels }: z.infer<typeof pullFields>) => ({
    number,
    url: html_url,
    body: body ?? '',
    labels: labels.map(({ name }) => name),
  })),
)

export type Pull = z.infer<typeof pull>

const comment = z.object({ body: z.nullish(z.string()) })

export interface ApiParts {
  readonly octokit: Octokit
  readonly repository: Repository
  /** Of the repository, and what was found to open it with. */
  readonly host: string
  readonly lookup: Lookup
  readonly clock: Clock
  readonly signal: AbortSignal
}

interface Sent {
  readonly data: unknown
  readonly headers: { readonly link?: string | undefined }
}

/**
 * The requests about one repository's pull requests, each once and for at most 30 s. All throw GitHubError, or the
 * signal's reason.
 */
export class PullRequestApi {
  readonly #parts: ApiParts

  constructor(parts: ApiParts) {
    this.#parts = parts
  }

  /** The open one from that branch. */
  async find(head: string): Promise<Pull | undefined> {
    const { octokit, repository } = this.#parts
    const query = { ...repository, head: `${repository.owner}:${head}`, state: 'open' as const }
    const [pulls] = await this.#ask(z.array(pull), request =>
      octokit.request('GET /repos/{owner}/{repo}/pulls', { ...query, request }),
    )
    return pulls[0]
  }

  async create(wanted: NewPull): Promise<Pull> {
    const { octokit, repository } = this.#parts
    const [made] = await this.#ask(pull, request =>
      octokit.request('POST /repos/{owner}/{repo}/pulls', { ...repository, ...wanted, request }),
    )
    return made
  }

  async addLabels(issue_number: number, labels: readonly string[]): Promise<void> {
    const { octokit, repository } = this.#parts
    const parameters = { ...repository, issue_number, labels: [...labels] }
    await this.#ask(z.array(z.unknown()), request =>
      octokit.request('POST /repos/{owner}/{repo}/issues/{issue_number}/labels', { ...parameters, request }),
    )
  }

  /** Whether one of its comments holds that text. */
  async hasComment(issue_number: number, text: string): Promise<boolean> {
    const { octokit, repository } = this.#parts
    for (let page = 1; ; page += 1) {
      const query = { ...repository, issue_number, per_page: 100, page }
      const [comments, { link }] = await this.#ask(z.array(comment), request =>
        octokit.request('GET /repos/{owner}/{repo}/issues/{issue_number}/comments', { ...query, request }),
      )
      if (comments.some(({ body }) => body?.includes(text))) return true
      if (!link?.includes('rel="next"')) return false
    }
  }

  async comment(issue_number: number, body: string): Promise<void> {
    const { octokit, repository } = this.#parts
    await this.#ask(comment, request =>
      octokit.request('POST /repos/{owner}/{repo}/issues/{issue_number}/comments', {
        ...repository,
        issue_number,
        body,
        request,
      }),
    )
  }

  async #ask<T>(
    shape: z.ZodMiniType<T>,
    send: (request: { signal: AbortSignal }) => Promise<Sent>,
  ): Promise<[T, Sent['headers']]> {
    const { clock, signal, host, lookup } = this.#parts
    const deadline = clock.deadline(requestTimeoutMs, new Error(`nothing came for ${requestTimeoutMs / 1000} s`))
    try {
      const { data, headers } = await send({ signal: AbortSignal.any([signal, deadline.signal]) })
      const answer = shape.safeParse(data)
      // Octokit takes an answer whose connection breaks off for an empty one.
      if (!answer.success)
        throw new GitHubError('GitHub gave an answer that was cut off', { trouble: { kind: 'passing' } })
      return [answer.data, headers]
    } catch (error) {
      signal.throwIfAborted()
      throw understood(error, { host, lookup, now: clock.now() })
    } finally {
      deadline.stop()
    }
  }
}
