import { join } from 'node:path'
import type { AgentRequest } from '../jobs/ports.ts'
import { markerVariable } from '../process/sweep.ts'

/** Tools that reach beyond one job or beyond its end. */
const disallowedTools = [
  'ListAgents',
  'SendMessage',
  'CronCreate',
  'CronDelete',
  'CronList',
  'ScheduleWakeup',
  'Workflow',
  'EnterWorktree',
  'ExitWorktree',
  'Monitor',
]

/** Where one run of the agent keeps what is its own. */
export interface AgentFiles {
  readonly home: string
  readonly config: string
  readonly temp: string
  readonly briefing: string
  readonly mcp: string
}

export const agentFiles = (scratch: string): AgentFiles => ({
  home: join(scratch, 'home'),
  config: join(scratch, 'claude'),
  temp: join(scratch, 'tmp'),
  briefing: join(scratch, 'briefing.md'),
  mcp: join(scratch, 'mcp.json'),
})

/**
 * The arguments that held on a hostile repository: only user settings (`--setting-sources user`) and only the servers in
 * our own file (`--strict-mcp-config`), so that nothing a repository brings runs. The task is not among them: it goes to
 * standard input, because an argument of 128 KiB is more than the kernel takes.
 */
export function agentArguments({ job, sessionId, resume, cwd }: AgentRequest, files: AgentFiles): string[] {
  return [
    '-p',
    '--output-format',
    'stream-json',
    '--verbose',
    '--dangerously-skip-permissions',
    '--setting-sources',
    'user',
    '--strict-mcp-config',
    '--mcp-config',
    files.mcp,
    '--append-system-prompt-file',
    files.briefing,
    '--add-dir',
    cwd,
    '--disallowedTools',
    disallowedTools.join(' '),
    resume ? '--resume' : '--session-id',
    sessionId,
    ...(job.model === undefined ? [] : ['--model', job.model]),
    ...(job.maxTurns === undefined ? [] : ['--max-turns', String(job.maxTurns)]),
    ...(job.maxBudgetUsd === undefined ? [] : ['--max-budget-usd', String(job.maxBudgetUsd)]),
  ]
}

export interface AgentHost {
  readonly path: string
  readonly authorName: string
  readonly authorEmail: string
  /** Proxy and certificate variables, as the user set them. */
  readonly network: Readonly<Record<string, string>>
  readonly isRoot: boolean
}

/** Everything the agent's environment holds beside its credentials; nothing is inherited. */
export function agentEnvironment(request: AgentRequest, files: AgentFiles, host: AgentHost): Record<string, string> {
  return {
    ...host.network,
    PATH: host.path,
    LANG: 'C.UTF-8',
    HOME: files.home,
    CLAUDE_CONFIG_DIR: files.config,
    TMPDIR: files.temp,
    CLAUDE_CODE_TMPDIR: files.temp,
    DISABLE_AUTOUPDATER: '1',
    CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
    CLAUDE_CODE_DISABLE_BACKGROUND_TASKS: '1',
    CLAUDE_CODE_DISABLE_AUTO_MEMORY: '1',
    CLAUDE_CODE_DISABLE_CRON: '1',
    CLAUDE_CODE_ADDITIONAL_DIRECTORIES_CLAUDE_MD: '1',
    CLAUDE_CODE_MAX_RETRIES: '3',
    MCP_TIMEOUT: '10000',
    GIT_TERMINAL_PROMPT: '0',
    GIT_AUTHOR_NAME: host.authorName,
    GIT_AUTHOR_EMAIL: host.authorEmail,
    GIT_COMMITTER_NAME: host.authorName,
    GIT_COMMITTER_EMAIL: host.authorEmail,
    [markerVariable]: request.marker,
    // Claude Code refuses to skip permissions as root unless it is told that it is contained.
    ...(host.isRoot && !request.slot ? { IS_SANDBOX: '1' } : {}),
  }
}
