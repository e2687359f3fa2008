import { join } from 'node:path'
import type { Test } from 'tap'
import { type WireJob, wireJob } from '../../src/api/job.ts'
import { type GitHub, startGitHub } from '../fixtures/github/server.ts'
import type { ConversationScript } from '../fixtures/model/script.ts'
import { type Model, startModel } from '../fixtures/model/server.ts'
import { type Cli, cliFor } from './cli.ts'

export const token = 'ghp_canary0123456789abcdefghijklmnop'
export const modelKey = 'sk-ant-canary-0123456789abcdef'

export interface World {
  readonly github: GitHub
  readonly model: Model
  /** A laptop whose owner has a token for that GitHub and a key for that model. */
  readonly cli: Cli
}

/** The pinned Claude Code. */
export const claudeCode = {} as const

/**
 * What does as the scripted model says for a tenth of Claude Code's CPU time: for tests of what is around the agent. The
 * real one it has to be where a test is about its tools, permissions, hooks, servers, settings, limits, retries or errors.
 */
export const scriptedAgent = {
  AGENTICORE_CLAUDE_BINARY: join(import.meta.dirname, '../fixtures/agents/scripted'),
} as const

/**
 * A GitHub, a model that follows `scripts` (each chosen by its `match` in the task), and an empty home directory.
 * @param env more for the environment of agenticore, such as `scriptedAgent`
 */
export async function world(
  t: Test,
  scripts: readonly ConversationScript[],
  env: Readonly<Record<string, string>> = {},
): Promise<World> {
  const model = await startModel({ require_key: modelKey, scripts: [...scripts] })
  t.teardown(() => model.close())
  const github = await startGitHub({
    root: t.testdir({ home: {}, github: {} }),
    token,
    readOnlyToken: `${token}-reads`,
  })
  t.teardown(() => github.close())
  const cli = cliFor(`${t.testdirName}/home`, {
    GITHUB_TOKEN: token,
    GITHUB_API_URL: github.url,
    ANTHROPIC_API_KEY: modelKey,
    ANTHROPIC_BASE_URL: model.url,
    ...env,
  })
  return { github, model, cli }
}

/** What `--json` printed, checked against the wire schema: a field too many or too few throws. */
export const jobIn = ({ stdout }: { readonly stdout: string }): WireJob => wireJob.parse(JSON.parse(stdout))

/** A turn that runs a command in the agent's tree. */
export const bash = (command: string) => ({ tools: [{ name: 'Bash', input: { command } }] })
