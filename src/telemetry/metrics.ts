/** Every figure of ours, once: what prometheus.ts keeps, and the rows of docs/metrics.md. */
export interface Metric {
  readonly name: string
  readonly help: string
  readonly labels: readonly string[]
}

export interface Timing extends Metric {
  /** Upper bounds in seconds. */
  readonly buckets: readonly number[]
}

const [minute, hour] = [60, 3600]

export const counters = {
  submitted: { name: 'agenticore_jobs_submitted_total', help: 'Jobs that were accepted.', labels: [] },
  ended: {
    name: 'agenticore_jobs_ended_total',
    help: 'Jobs that ended, by final status; reason is the error code of a failed one, else the status.',
    labels: ['status', 'reason'],
  },
  tokens: {
    name: 'agenticore_tokens_total',
    help: "Tokens that ended jobs have used, by the model's names for them.",
    labels: ['kind'],
  },
  cost: { name: 'agenticore_cost_usd_total', help: 'What ended jobs have cost, in US dollars.', labels: [] },
  turns: { name: 'agenticore_turns_total', help: 'Turns agents took in ended jobs.', labels: [] },
  leaseRenewals: {
    name: 'agenticore_lease_renewals_total',
    help: 'Renewals of leases; failed where the store could not be asked, or the lease was lost.',
    labels: ['result'],
  },
  modelRetries: {
    name: 'agenticore_model_retries_total',
    help: 'Requests that agents had to repeat, by the HTTP status the model answered with.',
    labels: ['status'],
  },
} as const satisfies Record<string, Metric>

export const timings = {
  wait: {
    name: 'agenticore_job_wait_seconds',
    help: 'From the submission of a job to its first claim.',
    labels: [],
    buckets: [0.01, 0.05, 0.1, 0.5, 1, 5, 15, minute, 5 * minute, 15 * minute, hour, 4 * hour, 24 * hour],
  },
  run: {
    name: 'agenticore_job_run_seconds',
    help: 'The last attempt of an ended job, from its claim to its outcome.',
    labels: ['status'],
    buckets: [1, 5, 15, 30, minute, 2 * minute, 5 * minute, 10 * minute, 20 * minute, 30 * minute, hour, 2 * hour],
  },
  workspace: {
    name: 'agenticore_workspace_ready_seconds',
    help: 'Until a working tree was ready; cached says whether its commit was in the clone cache.',
    labels: ['cached'],
    buckets: [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 30, minute, 5 * minute, 15 * minute],
  },
  lockWait: {
    name: 'agenticore_lock_wait_seconds',
    help: 'Until a lock was there, or was given up.',
    labels: [],
    buckets: [0.005, 0.025, 0.1, 0.5, 1, 5, 15, minute, 5 * minute],
  },
  git: {
    name: 'agenticore_git_seconds',
    help: 'Runs of git, by subcommand.',
    labels: ['command', 'result'],
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, minute, 5 * minute],
  },
} as const satisfies Record<string, Timing>

export const gauges = {
  jobs: {
    name: 'agenticore_jobs',
    help: 'Jobs in the store that are queued, and that are running.',
    labels: ['state'],
  },
  queueDepth: { name: 'agenticore_queue_depth', help: 'Queued jobs that may start now.', labels: [] },
  queueHeadAge: {
    name: 'agenticore_queue_head_age_seconds',
    help: 'Since the submission of the job that is next; 0 when none may start now.',
    labels: [],
  },
  slotsCapacity: { name: 'agenticore_slots_capacity', help: 'Jobs this process runs at most at once.', labels: [] },
  slotsRunning: { name: 'agenticore_slots_running', help: 'Jobs this process runs.', labels: [] },
  draining: { name: 'agenticore_draining', help: '1 while this process takes no more jobs, else 0.', labels: [] },
  storeUp: {
    name: 'agenticore_store_up',
    help: '1 when the store answered this scrape; 0 when not, and the other gauges are left out.',
    labels: [],
  },
} as const satisfies Record<string, Metric>
