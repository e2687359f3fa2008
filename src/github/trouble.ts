import * as z from 'zod/mini'
import { type Lookup, refusalOf } from '../jobs/credentials.ts'

/** Whether to ask again: after a wait GitHub asks for, after a while, or not at all. */
export type Trouble =
  | { readonly kind: 'limited'; readonly waitMs: number }
  | { readonly kind: 'passing' }
  | { readonly kind: 'final' }

/** A request that was not served. Its message has the status, GitHub's own words and, where there is one, the way out. */
export class GitHubError extends Error {
  readonly trouble: Trouble
  /** Undefined when no answer came. */
  readonly status: number | undefined

  constructor(message: string, { trouble, status, cause }: { trouble: Trouble; status?: number; cause?: unknown }) {
    super(message, { cause })
    this.trouble = trouble
    this.status = status
  }
}

/** Who was asked with which credential, and when. */
export interface Circumstances {
  readonly host: string
  readonly lookup: Lookup
  /** By our clock; GitHub's own is taken where it tells the time. */
  readonly now: Date
}

const answered = z.object({
  status: z.number(),
  response: z.object({ headers: z.record(z.string(), z.unknown()), data: z.unknown() }),
})
/** Octokit's form of a request without an answer. */
const unanswered = z.object({ status: z.literal(500), response: z.undefined() })

type Headers = Readonly<Record<string, unknown>>

/** What Octokit threw, as a GitHubError; anything else as it is. */
export function understood(error: unknown, circumstances: Circumstances): unknown {
  const answer = answered.safeParse(error)
  if (answer.success) {
    const { status, response } = answer.data
    const words = wordsOf(response.data)
    const trouble = troubleOf(status, response.headers, words, circumstances.now)
    const message = `GitHub answered ${status}: ${words}`
    const refusal = trouble.kind === 'final' ? refusals.get(status) : undefined
    return new GitHubError(refusal ? blamed(message, refusal, circumstances) : message, {
      trouble,
      status,
      cause: error,
    })
  }
  if (!(error instanceof Error && unanswered.safeParse(error).success)) return error
  return new GitHubError(`GitHub did not answer: ${connectionWords(error)}`, {
    trouble: { kind: 'passing' },
    cause: error,
  })
}

/** https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api, "Exceeding the rate limit" */
function troubleOf(status: number, headers: Headers, words: string, now: Date): Trouble {
  if (status >= 500) return { kind: 'passing' }
  if (status !== 403 && status !== 429) return { kind: 'final' }
  const retryAfter = headers['retry-after']
  if (retryAfter !== undefined) return limitedFor(Number(retryAfter))
  if (headers['x-ratelimit-remaining'] === '0') {
    const theirNowMs = Date.parse(String(headers.date))
    const nowMs = Number.isNaN(theirNowMs) ? now.getTime() : theirNowMs
    // Both times are cut to whole seconds: one more, not to be early.
    return limitedFor(Number(headers['x-ratelimit-reset']) - Math.floor(nowMs / 1000) + 1)
  }
  return status === 429 || /secondary rate limit/i.test(words) ? limitedFor(Number.NaN) : { kind: 'final' }
}

/** A minute where GitHub does not say how long; never less than a second. */
const limitedFor = (seconds: number): Trouble => ({
  kind: 'limited',
  waitMs: 1000 * (Number.isFinite(seconds) ? Math.max(1, seconds) : 60),
})

const errorDetail = z.object({
  message: z.optional(z.string()),
  field: z.optional(z.string()),
  code: z.optional(z.string()),
})
const errorBody = z.object({
  message: z.string(),
  errors: z.optional(z.array(z.union([errorDetail, z.string()]))),
})

function wordsOf(data: unknown): string {
  const body = errorBody.safeParse(data)
  // A proxy on the way answers with a page of its own.
  if (!body.success) return typeof data === 'string' && data.trim() !== '' ? firstLine(data) : 'no reason given'
  const details = (body.data.errors ?? []).map(detail =>
    typeof detail === 'string' ? detail : (detail.message ?? `${detail.field} is ${detail.code}`),
  )
  return [body.data.message, ...details].map(firstLine).join(': ')
}

/** Without its full stop: more is to follow. */
const firstLine = (text: string): string => (text.trim().split('\n')[0] ?? '').slice(0, 300).replace(/\.$/, '')

interface Refusal {
  readonly how: 'refused' | 'not found'
  readonly remedy: string
}

const refusals: ReadonlyMap<number, Refusal> = new Map([
  [401, { how: 'refused', remedy: 'It is wrong, expired or revoked: renew it.' }],
  [403, { how: 'refused', remedy: 'It needs pull_requests:write for the repository (a classic token: repo).' }],
  [404, { how: 'not found', remedy: 'The address is wrong, or the repository is not visible to it: give it access.' }],
])

/** Whose credential is to blame, before what GitHub said; the way out after it. */
function blamed(message: string, { how, remedy }: Refusal, { host, lookup }: Circumstances): string {
  const wayOut = lookup.kind === 'found' ? remedy : 'Set GITHUB_TOKEN.'
  return `${refusalOf(host, lookup, how)} / ${message}. ${wayOut}`
}

/** What the connection died of; where the message is empty (several addresses refused), its code. */
function connectionWords(error: Error): string {
  const reason = error.cause instanceof Error ? error.cause.cause : undefined
  const code = reason instanceof Error && 'code' in reason ? String(reason.code) : 'no connection'
  return error.message === '' ? code : error.message
}
