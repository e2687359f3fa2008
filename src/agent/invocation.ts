import { dirname } from 'node:path'
import type { AgentRequest } from '../jobs/agent.ts'
import { markerVariable } from '../util/marker.ts'
import type { AgentFiles } from './files.ts'

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

/**
 * The arguments that held on a hostile repository: only user settings (`--setting-sources user`) and only the servers in
 * our own file (`--strict-mcp-config`), so that nothing a repository brings runs. The task is not among them: it goes to
 * standard input, because an argument of 128 KiB is more than the kernel takes.
 */
export function agentArguments(request: AgentRequest, files: AgentFiles): string[] {
  const { job, profile, sessionId, resume, cwd } = request
  const { claude } = profile
  return [
    '-p',
    '--output-format',
    'stream-json',
    '--verbose',
    '--permission-mode',
    claude.permissionMode,
    '--setting-sources',
    'user',
    '--strict-mcp-config',
    '--mcp-config',
    files.mcp,
    '--append-system-prompt-file',
    files.briefing,
    '--add-dir',
    cwd,
    '--settings',
    files.settings,
    '--disallowedTools',
    ...disallowedTools,
    ...claude.disallowedTools,
    ...(claude.allowedTools.length === 0 ? [] : ['--allowedTools', ...claude.allowedTools]),
    resume ? '--resume' : '--session-id',
    sessionId,
    ...option('--model', job.model ?? claude.model),
    ...option('--fallback-model', claude.fallbackModel),
    ...option('--effort', claude.effort),
    ...option('--max-turns', job.maxTurns ?? claude.maxTurns),
    ...option('--max-budget-usd', job.maxBudgetUsd ?? claude.maxBudgetUsd),
  ]
}

const option = (name: string, value: string | number | undefined): string[] =>
  value === undefined ? [] : [name, String(value)]

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
    ...request.profile.env,
    HOME: files.home,
    CLAUDE_CONFIG_DIR: files.config,
    TMPDIR: files.temp,
    CLAUDE_CODE_TMPDIR: files.temp,
    // A directory of ours may lie in somebody's repository, which is none of the job's business.
    GIT_CEILING_DIRECTORIES: [dirname(request.cwd), request.scratch].join(':'),
    [markerVariable]: request.marker,
    ...(request.traceparent === undefined ? {} : { TRACEPARENT: request.traceparent }),
    // Claude Code refuses to skip permissions as root unless it is told that it is contained.
    ...(host.isRoot && !request.slot ? { IS_SANDBOX: '1' } : {}),
  }
}
