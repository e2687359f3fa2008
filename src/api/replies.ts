import * as z from 'zod'
import { wireJob } from './job.ts'

const count = z.int().min(0)
const time = z.iso.datetime()
const success = z.literal(true)
const warnings = z.array(z.string()).optional().describe('What was asked for and is not done.')

const job = wireJob.meta({ id: 'Job' })

export const oneJob = z.object({ success, job, warnings }).meta({ id: 'JobReply' })

export const manyJobs = z
  .object({
    success,
    count,
    jobs: z.array(job).describe('Newest first, without `output`.'),
    next_cursor: z.uuid().optional().describe('There may be more: pass it as `cursor`.'),
  })
  .meta({ id: 'JobsReply' })

export const refusal = z
  .object({
    success: z.literal(false),
    error: z.string().describe('What happened, for a person to read.'),
    code: z.string().describe('Stable; see docs/errors.md.'),
    remedy: z.string().optional().describe('What to do.'),
  })
  .meta({ id: 'Error' })

const pod = z
  .object({
    name: z.string(),
    version: z.string(),
    boot_id: z.string(),
    capacity: count.describe('How many jobs it runs at once.'),
    running: count,
    draining: z.boolean(),
    started_at: time,
    last_heartbeat: time,
  })
  .meta({ id: 'Pod' })

export const manyPods = z.object({ success, count, pods: z.array(pod) }).meta({ id: 'PodsReply' })

export const statusReply = z
  .object({
    success,
    status: z.enum(['ok', 'degraded', 'draining', 'not_claiming']),
    reason: z.string().optional().describe('Why no job is claimed.'),
    version: z.string(),
    pod_name: z.string(),
    started_at: time,
    queued: count,
    running: count.describe('In the whole fleet.'),
    oldest_queued_at: time.optional(),
    capacity: count.describe('How many jobs this pod runs at once.'),
    running_here: count,
    store: z.string().describe('Where jobs are kept.'),
    locks: z.string(),
    isolation: z
      .enum(['user', 'none'])
      .describe('Who agents run as: users of their own, or the user the server runs as.'),
    missing: z.array(z.string()).describe('What is missing for users of their own.'),
    agentihooks: z.string().describe('Whether agentihooks is installed here, and which: in words.'),
  })
  .meta({ id: 'StatusReply' })

const profile = z
  .object({
    name: z.string(),
    description: z.string(),
    model: z.string().nullable().describe('null: what Claude Code takes by itself.'),
    max_turns: count.nullable(),
    worktree: z.boolean().describe('Always true: each job has a working tree of its own.'),
    auto_pr: z.boolean(),
    permission_mode: z.string(),
    extends: z.string().optional(),
    effort: z.string().optional(),
    source: z.string().describe('Which layer it comes from.'),
    error: z.string().optional().describe('Why it cannot be used.'),
  })
  .meta({ id: 'Profile' })

export const manyProfiles = z.object({ success, count, profiles: z.array(profile) }).meta({ id: 'ProfilesReply' })

export const health = z.object({ status: z.literal('ok'), service: z.literal('agenticore') }).meta({ id: 'Health' })

const dangers = z.array(z.string()).optional().describe('What is wrong with the Redis that jobs are claimed in.')

export const ready = z.object({ success, status: z.literal('ready'), warnings: dangers }).meta({ id: 'Ready' })

export type WirePod = z.infer<typeof pod>
export type WireStatus = z.infer<typeof statusReply>
export type WireProfile = z.infer<typeof profile>
