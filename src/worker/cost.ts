import type { Job, RunFacts } from '../jobs/job.ts'

/**
 * What the job has cost so far. Claude Code counts for the whole conversation (older ones, for the run alone), which may
 * have begun in another job; and an earlier attempt may have cost something.
 */
export function withCost(facts: RunFacts, job: Job, { resumed }: RunFacts): RunFacts {
  const { totalCostUsd: reported } = facts
  if (reported === undefined) return facts
  const before = resumed ? (job.sessionCostUsd ?? 0) : 0
  const counted = reported >= before ? reported - before : reported
  return { ...facts, totalCostUsd: (job.totalCostUsd ?? 0) + counted, sessionCostUsd: before + counted }
}
