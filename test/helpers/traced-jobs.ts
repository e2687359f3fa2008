import { chmodSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { Claude } from '../../src/agent/claude.ts'
import type { AgentTelemetry } from '../../src/agent/telemetry.ts'
import type { Job, JobRequest } from '../../src/jobs/job.ts'
import type { Measures } from '../../src/jobs/measures.ts'
import { JobService } from '../../src/jobs/service.ts'
import type { Tracing } from '../../src/jobs/tracing.ts'
import { FileJobStore } from '../../src/store/file/store.ts'
import { FileEventLog } from '../../src/store/journal/events.ts'
import { FileJournal } from '../../src/store/journal/journal.ts'
import { systemClock as clock } from '../../src/util/clock.ts'
import { JobRunner } from '../../src/worker/job-runner.ts'
import { LeaseKeeper } from '../../src/worker/lease-keeper.ts'
import { request } from './jobs.ts'
import { plainProfiles } from './profiles.ts'
import { never, openWorld } from './repos.ts'

export interface Observers {
  readonly tracing?: Tracing
  readonly measures?: Measures
  readonly agentTelemetry?: AgentTelemetry
}

const started = {
  type: 'system',
  subtype: 'init',
  session_id: 's',
  model: 'm-answered',
  claude_code_version: '2.1.330',
}
const retried = { type: 'system', subtype: 'api_retry', attempt: 1, retry_delay_ms: 1, error_status: 529 }
const result = {
  type: 'result',
  subtype: 'success',
  is_error: false,
  result: 'done',
  num_turns: 2,
  total_cost_usd: 0.5,
}
const say = (...events: object[]): string => events.map(event => `echo '${JSON.stringify(event)}'`).join('\n')

/** Jobs on real files, a real repository and a claude that is a shell script; observed as the daemon is. */
export async function openJobs(t: Test) {
  const world = await openWorld(t)
  const [root, agentEnv, binary] = ['jobs', 'agent-env', 'claude'].map(name => join(world.dir, name))
  if (root === undefined || agentEnv === undefined || binary === undefined) throw new Error('no place')
  const repo = await world.repo()
  const redact = (text: string): string => text
  const warn = (message: string): void => void t.fail(message)
  const journal = await FileJournal.open(root)
  const store = await FileJobStore.open(root, { journal, clock, warn })
  t.teardown(() => store.close())
  const events = new FileEventLog(root, { clock, redact })
  const host = { path: process.env.PATH ?? '', authorName: 'a', authorEmail: 'a@b', network: {}, isRoot: false }
  const credentials = { apiKey: 'k', authToken: '', oauthToken: '', baseUrl: '', cloud: {} }
  const nothing = async (): Promise<never> => {
    throw new Error('nobody asked for a pull request')
  }
  return {
    /** Replaces what the agent does between its start and its result. */
    agentDoes(script: string): void {
      const version = '[ "$1" = --version ] && { echo "2.1.330 (Claude Code)"; exit 0; }'
      const lines = ['#!/bin/sh', version, 'cat > /dev/null', `env > ${agentEnv}`, say(started, retried), script]
      writeFileSync(binary, `${lines.join('\n')}\n`)
      chmodSync(binary, 0o755)
    },
    succeed: say(result),
    agentEnvironment: (): string => readFileSync(agentEnv, 'utf8'),
    async submit(wanted: Partial<JobRequest>, { tracing, measures }: Observers): Promise<Job> {
      const service = new JobService({
        store,
        events,
        clock,
        checkRepository: () => undefined,
        checkProfile: async () => undefined,
        defaults: { profile: 'coding', ttlSeconds: 60 },
        queueLimit: Number.POSITIVE_INFINITY,
        ...(tracing ? { tracing } : {}),
        ...(measures ? { measures } : {}),
      })
      return await service.submit({ ...request, repoUrl: repo.cloneUrl, ...wanted })
    },
    /** One attempt of the job at the head of the queue. */
    async attempt({ tracing, measures, agentTelemetry }: Observers, signal = never): Promise<Job> {
      const telemetry = agentTelemetry ? { telemetry: agentTelemetry } : {}
      const agent = new Claude({ binary, credentials, host, timeoutSeconds: 60, clock, redact, ...telemetry })
      const runner = new JobRunner({
        store,
        journal,
        events,
        agent,
        clock,
        redact,
        warn,
        profiles: plainProfiles,
        workspaces: world.workspacesWith(world.git),
        slots: { acquire: async () => undefined },
        pullRequests: { serves: () => false, open: nothing, update: nothing },
        scratchRoot: join(world.dir, 'scratch'),
        jobFilesRoot: join(world.dir, 'files'),
        areJobFilesShared: false,
        keeper: new LeaseKeeper({ store, clock, everyMs: 50, ...(measures ? { measures } : {}) }),
        leavings: 'kept',
        waitsForStorage: false,
        random: () => 0,
        ...(tracing ? { tracing } : {}),
        ...(measures ? { measures } : {}),
      })
      const lease = await store.claim({ podName: 'p' })
      if (!lease) throw new Error('nothing to claim')
      return await runner.run(lease, signal)
    },
  }
}
