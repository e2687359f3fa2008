import * as z from 'zod'
import { finalStatuses, jobStatuses } from '../jobs/job.ts'

const time = z.iso.datetime()
const count = z.int().min(0)

/** A job as every door shows it: `--json`, REST, MCP. Unset fields are left out. */
export const wireJob = z.strictObject({
  id: z.uuid().describe('UUID v7. Commands take any unique beginning or end of 4 or more characters.'),
  task: z.string().describe('What was asked.'),
  repo_url: z.string().describe('Empty: a job without a repository.'),
  base_ref: z.string().describe("Where the work starts; empty: the repository's default branch."),
  profile: z.string().describe('The profile the agent runs under; empty: none.'),
  status: z.enum(jobStatuses).describe(`${finalStatuses.map(status => `\`${status}\``).join(', ')} are final.`),
  mode: z.enum(['fire_and_forget', 'sync']).describe('Whether the submitter waited.'),
  idempotency_key: z.string().optional().describe('Of two submissions with one key the second gets the first job.'),
  created_at: time.describe('RFC 3339, UTC, as all times.'),
  started_at: time.optional().describe('When the latest attempt was claimed.'),
  ended_at: time.optional(),
  not_before: time.optional().describe('A queued job is not claimed before this.'),
  cancel_requested_at: time.optional(),
  ttl_seconds: z.int().min(1).describe('How long the record is kept after the end.'),
  queue_ttl_seconds: z.int().min(1).optional().describe('A job that has not started by then expires.'),
  pod_name: z.string().describe('Where the job runs, or ran last; empty while queued.'),
  fence: count.describe('Goes up with every claim; the highest one is the only writer whose word counts.'),
  attempt: count.describe('Starts that were not interrupted from outside.'),
  interruptions: count.describe('Starts that were.'),
  pid: z.int().min(1).optional().describe("The agent's process while it runs."),
  worktree_path: z.string().describe("The job's working tree; it is gone when the job has ended."),
  job_config_dir: z.string().describe('The working directory of a job without a repository.'),
  branch: z.string().describe('The branch that carries the work.'),
  base_sha: z.string().optional().describe('The commit the work started from.'),
  head_sha: z.string().optional().describe('The commit that was pushed.'),
  pr_url: z.string().optional(),
  pr_error: z.string().optional().describe('Why there is no pull request although there is a branch for one.'),
  session_id: z.string().optional().describe("Claude Code's session."),
  resumed: z.boolean().describe('Whether the latest attempt went on with an earlier session.'),
  exit_code: z.int().optional().describe("Claude Code's."),
  output: z.string().optional().describe("The agent's final text, at most 1 MiB; lists carry none."),
  output_truncated: z.boolean(),
  error: z.string().optional(),
  error_code: z.string().optional().describe('See [errors](errors.md).'),
  num_turns: count.optional(),
  total_cost_usd: z.number().min(0).optional(),
  usage: z.record(z.string(), z.number()).optional().describe("Token counts by the model's names for them."),
  duration_ms: count.optional().describe('From claim to outcome.'),
  model: z.string().optional().describe('The model asked for; after the start the one that answered.'),
  claude_version: z.string().optional(),
  changed_files: count.optional().describe('How many files the pushed commit changes against its base.'),
  last_activity: time.optional(),
  queue_position: z.int().min(1).optional().describe('1 = next.'),
  schema_version: z.int().min(1),
})

export type WireJob = z.infer<typeof wireJob>
