import type { AgentRequest } from '../jobs/agent.ts'
import type { RunFacts } from '../jobs/job.ts'

/**
 * The request for another turn with what the turns so far have left of the job's limits: Claude Code counts turns and
 * dollars of each run alone.
 * @returns what is used up, if anything is
 */
export function withinLimits(request: AgentRequest, facts: RunFacts): AgentRequest | 'turns' | 'budget' {
  const { job, profile, resume } = request
  const [mostTurns, mostUsd] = [
    job.maxTurns ?? profile.claude.maxTurns,
    job.maxBudgetUsd ?? profile.claude.maxBudgetUsd,
  ]
  // What is reported is the cost of the whole conversation, which may have begun in another job.
  const spentUsd = (facts.totalCostUsd ?? 0) - (resume ? (job.sessionCostUsd ?? 0) : 0)
  const turns = mostTurns === undefined ? undefined : mostTurns - (facts.numTurns ?? 0)
  const usd = mostUsd === undefined ? undefined : mostUsd - Math.max(0, spentUsd)
  if (turns !== undefined && turns <= 0) return 'turns'
  if (usd !== undefined && usd <= 0) return 'budget'
  const left = {
    ...(turns === undefined ? {} : { maxTurns: turns }),
    ...(usd === undefined ? {} : { maxBudgetUsd: usd }),
  }
  return { ...request, job: { ...job, ...left } }
}
