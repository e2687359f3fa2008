import * as Flags from '@oclif/core/flags'
import type { JobRequest } from '../api/wire.ts'

/** What can be asked for beside the task, wherever it is run. */
export const requestFlags = {
  repo: Flags.string({
    char: 'r',
    default: '',
    helpValue: 'URL|PATH',
    description: 'repository to work on; a path means the origin of the repository there',
  }),
  'base-ref': Flags.string({
    default: '',
    helpValue: 'REF',
    description: 'branch, tag or commit to start from (default: the default branch)',
  }),
  profile: Flags.string({ char: 'p', default: '', helpValue: 'NAME', description: 'profile to work under' }),
  'session-id': Flags.string({
    helpValue: 'ID',
    description: 'go on with the conversation of an earlier job, on its branch',
  }),
  model: Flags.string({ helpValue: 'NAME', description: 'model to use' }),
  'max-turns': Flags.integer({ min: 1, helpValue: 'N', description: 'most turns the agent may take' }),
  'max-budget-usd': Flags.string({ helpValue: 'X', description: 'most dollars the agent may spend' }),
  timeout: Flags.integer({ min: 1, helpValue: 'S', description: 'most seconds the agent may take' }),
  'idempotency-key': Flags.string({
    helpValue: 'K',
    description: 'with a key that was used before: that job, instead of a new one',
  }),
}

/** What was asked for on the command line. */
export interface Wanted {
  readonly task: string
  readonly repo: string
  readonly 'base-ref': string
  readonly profile: string
  readonly 'session-id'?: string | undefined
  readonly model?: string | undefined
  readonly 'max-turns'?: number | undefined
  readonly 'max-budget-usd'?: string | undefined
  readonly timeout?: number | undefined
  readonly 'idempotency-key'?: string | undefined
}

/** As a job of this machine. */
export function requestFrom(wanted: Wanted, repoUrl: string): JobRequest {
  return {
    task: wanted.task,
    repoUrl,
    baseRef: wanted['base-ref'],
    profile: wanted.profile,
    mode: 'sync',
    ...(wanted.model === undefined ? {} : { model: wanted.model }),
    ...(wanted['max-turns'] === undefined ? {} : { maxTurns: wanted['max-turns'] }),
    ...(wanted['max-budget-usd'] === undefined ? {} : { maxBudgetUsd: Number(wanted['max-budget-usd']) }),
    ...(wanted.timeout === undefined ? {} : { timeoutSeconds: wanted.timeout }),
    ...(wanted['idempotency-key'] === undefined ? {} : { idempotencyKey: wanted['idempotency-key'] }),
  }
}

/** As a server takes it; under a key always, so that it can be sent again when the answer is lost. */
export function submissionFrom(wanted: Wanted & { readonly wait: boolean }, repoUrl: string) {
  const budget = wanted['max-budget-usd']
  return {
    task: wanted.task,
    repo_url: repoUrl,
    base_ref: wanted['base-ref'],
    profile: wanted.profile,
    session_id: wanted['session-id'],
    model: wanted.model,
    max_turns: wanted['max-turns'],
    max_budget_usd: budget === undefined ? undefined : dollarsIn(budget),
    timeout: wanted.timeout,
    mode: wanted.wait ? 'sync' : 'fire_and_forget',
    idempotency_key: wanted['idempotency-key'] ?? `run-${crypto.randomUUID()}`,
  }
}

/** JSON has no NaN: what is no number goes as it was written, for the server to name it. */
const dollarsIn = (text: string): number | string => (Number.isFinite(Number(text)) ? Number(text) : text)
