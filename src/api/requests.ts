import * as z from 'zod'
import { jobStatuses } from '../jobs/job.ts'

const maxNumber = 1_000_000_000

/** A name that is handed on as it is: to a file's name, a program, a log. */
const name = (most: number) =>
  z.string().max(most).refine(isPlain, 'must be whole characters, and no control characters')

const isPlain = (text: string): boolean => text.isWellFormed() && !/\p{Cc}/u.test(text)

const idempotencyKey = name(1024).min(1, 'must not be empty').optional()

/** What the original took besides, and what to do instead. */
export const droppedFields = {
  file_path: 'put MCP servers into a profile',
  create_repo: 'create the repository first',
  private: 'create the repository first',
  worktree_id: 'each job has a working tree of its own',
} as const

const dropped = (field: keyof typeof droppedFields) =>
  z
    .unknown()
    .optional()
    .meta({ deprecated: true, description: `Not used, with a warning: ${droppedFields[field]}.` })

/** What `POST /jobs` takes: the fields of `agenticore run`. */
export const submission = z
  .strictObject({
    task: z.string().describe('What is to be done; at most 512 KiB of UTF-8.'),
    repo_url: z.string().max(2048).default('').describe('Repository to work on; empty: a job without one.'),
    base_ref: z
      .string()
      .max(1024)
      .default('')
      .describe("Branch, tag or commit to start from; empty: the repository's default."),
    profile: name(200).default('').describe("Profile to work under; empty: the server's default."),
    session_id: name(200)
      .default('')
      .describe('A conversation to go on with, or a job that had one, on the branch of that job.'),
    model: name(200).optional().describe('Model to use.'),
    max_turns: z.int().min(1).max(maxNumber).optional().describe('Most turns the agent may take.'),
    max_budget_usd: z.number().positive().max(maxNumber).optional().describe('Most dollars the agent may spend.'),
    timeout: z.int().min(1).max(maxNumber).optional().describe('Most seconds one run of the agent may take.'),
    ttl_seconds: z.int().min(1).max(maxNumber).optional().describe('How long the record is kept after the end.'),
    queue_ttl_seconds: z.int().min(1).max(maxNumber).optional().describe('A job that has not started by then expires.'),
    idempotency_key: idempotencyKey.describe(
      'With a key that was used before: that job, instead of a new one. Makes it safe to send again.',
    ),
    mode: z.enum(['fire_and_forget', 'sync']).optional().describe('`sync`: somebody watches. Set by `wait`.'),
    wait: z
      .boolean()
      .default(false)
      .describe(
        'Answer when the job has ended. After 15 s status 200 and white space are sent now and then, so that the connection is kept; then the job.',
      ),
    file_path: dropped('file_path'),
    create_repo: dropped('create_repo'),
    private: dropped('private'),
    worktree_id: dropped('worktree_id'),
  })
  .meta({ id: 'Submission' })

/** What submits a job may carry its key as a header too, by the name that others have for it. */
export const submissionHeaders = z.looseObject({
  'idempotency-key': idempotencyKey.describe('As `idempotency_key`, which counts where there are both.'),
})

export type Submission = z.infer<typeof submission>

/** Not what `Number` makes of `0x10`, or of nothing. */
const decimal = (given: unknown): unknown => (typeof given === 'string' && /^\d+$/.test(given) ? Number(given) : given)

export const jobsQuery = z.strictObject({
  limit: z.preprocess(decimal, z.int().min(0).max(1000)).default(20).describe('Most jobs to list.'),
  status: z
    .enum([...jobStatuses, ''])
    .default('')
    .describe('Only jobs in this state; empty: in any.'),
  cursor: z
    .uuid()
    .toLowerCase()
    .optional()
    .describe('`next_cursor` of the page before: what was submitted before that job.'),
})

export const jobPath = z.object({
  id: z.string().min(1).describe('The id of a job, or a unique beginning or end of it of 4 or more characters.'),
})
