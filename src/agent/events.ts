import type { AgentEvent, AgentVerdict } from '../jobs/events.ts'
import { cut } from './cut.ts'
import { type Fields, fieldsOf, isFields } from './fields.ts'

const longestText = 64 * 1024
const longestResult = 1024 * 1024
const deepest = 500

/**
 * One line of `--output-format stream-json` as our own events: none, one, or several where a message has several blocks.
 * What is no event at all (not JSON, no type) gives undefined.
 */
export function parseAgentLine(line: string): AgentEvent[] | undefined {
  const raw = parseObject(line)
  const type = raw?.text('type')
  if (!raw || type === undefined) return undefined
  if (type === 'system') return [systemEvent(raw)]
  if (type === 'tool_progress') return [progressEvent(raw)]
  if (type === 'result') return [{ type: 'agent_result', ...verdict(raw) }]
  if (type === 'assistant' || type === 'user') return blocksOf(raw).flatMap(block => blockEvent(block))
  return [{ type: 'agent_other', name: type }]
}

/** By subtype; the names of the fields as 2.1.330 sends them. */
const systemEvents: Readonly<Record<string, (raw: Fields) => AgentEvent>> = {
  init: raw => ({
    type: 'agent_started',
    sessionId: raw.text('session_id') ?? '',
    model: raw.text('model') ?? '',
    claudeVersion: raw.text('claude_code_version') ?? '',
    tools: raw.list('tools').filter(tool => typeof tool === 'string'),
    permissionMode: raw.text('permissionMode') ?? '',
    mcpServers: raw
      .list('mcp_servers')
      .filter(isFields)
      .map(fieldsOf)
      .map(server => ({ name: server.text('name') ?? '', status: server.text('status') ?? '' })),
  }),
  api_retry: raw => {
    const status = raw.number('error_status') ?? raw.number('status')
    return {
      type: 'model_retry',
      attempt: raw.number('attempt') ?? 0,
      delayMs: raw.number('retry_delay_ms') ?? 0,
      ...(status === undefined ? {} : { status }),
    }
  },
  permission_denied: raw => ({ type: 'permission_denied', ...toolOf(raw), reason: brief(raw.text('message')) }),
  model_fallback: raw => ({
    type: 'model_fallback',
    from: raw.text('original_model') ?? '',
    to: raw.text('fallback_model') ?? '',
    reason: brief(raw.text('content')),
  }),
  compact_boundary: () => ({ type: 'compacted' }),
  task_started: raw => task('started', raw),
  task_progress: raw => task('progress', raw),
  task_updated: raw => task('updated', raw),
  task_notification: raw => task('notification', raw),
}

function systemEvent(raw: Fields): AgentEvent {
  const subtype = raw.text('subtype') ?? ''
  const known = Object.hasOwn(systemEvents, subtype) ? systemEvents[subtype] : undefined
  return known ? known(raw) : { type: 'agent_other', name: `system/${subtype}` }
}

const progressEvent = (raw: Fields): AgentEvent => ({
  type: 'tool_progress',
  ...toolOf(raw),
  elapsedSeconds: raw.number('elapsed_time_seconds') ?? 0,
})

const task = (phase: string, raw: Fields): AgentEvent => ({
  type: 'task',
  phase,
  taskId: raw.text('task_id') ?? '',
  text: brief(raw.text('summary') || raw.text('description')),
})

const toolOf = (raw: Fields) => ({ toolUseId: raw.text('tool_use_id') ?? '', tool: raw.text('tool_name') ?? '' })
const brief = (text = ''): string => cut(text, longestText).text

const blocksOf = (raw: Fields): Fields[] => raw.object('message').list('content').filter(isFields).map(fieldsOf)

function blockEvent(block: Fields): AgentEvent[] {
  const type = block.text('type')
  if (type === 'text') return [{ type: 'message', ...cut(block.text('text') ?? '', longestText) }]
  if (type === 'thinking') return [{ type: 'thinking', ...cut(block.text('thinking') ?? '', longestText) }]
  if (type === 'tool_use') {
    const toolUseId = block.text('id') ?? ''
    return [{ type: 'tool_call', toolUseId, tool: block.text('name') ?? '', input: boundedInput(block.value('input')) }]
  }
  if (type !== 'tool_result') return []
  const result = cut(toolText(block.value('content')), longestText)
  const ok = block.value('is_error') !== true
  return [{ type: 'tool_result', toolUseId: block.text('tool_use_id') ?? '', ok, ...result }]
}

/** An input of any size and depth is the agent's right; the event keeps what a reader can use. */
function boundedInput(input: unknown): unknown {
  if (isDeeperThan(deepest, input)) return { truncated: '(nested too deeply)' }
  const json = JSON.stringify(input) ?? 'null'
  return json.length <= longestText ? input : { truncated: cut(json, longestText).text }
}

/** Level by level: what walks through it by recursion goes no deeper than the stack. */
function isDeeperThan(limit: number, value: unknown): boolean {
  let level = [value]
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > limit) return true
    level = level.flatMap(each => (typeof each === 'object' && each !== null ? Object.values(each) : []))
  }
  return false
}

function toolText(content: unknown): string {
  if (typeof content === 'string') return content
  if (!Array.isArray(content)) return ''
  return content
    .filter(isFields)
    .map(part => fieldsOf(part))
    .map(part => part.text('text') ?? `(${part.text('type') ?? 'unknown'})`)
    .join('\n')
}

function verdict(raw: Fields): AgentVerdict {
  const apiErrorStatus = raw.number('api_error_status')
  const errors = raw.list('errors').filter(entry => typeof entry === 'string')
  return {
    subtype: raw.text('subtype') ?? '',
    isError: raw.value('is_error') !== false,
    ...cut(raw.text('result') ?? errors.join('\n'), longestResult),
    numTurns: raw.number('num_turns') ?? 0,
    durationMs: raw.number('duration_ms') ?? 0,
    totalCostUsd: raw.number('total_cost_usd') ?? 0,
    usage: raw.object('usage').numbers(),
    sessionId: raw.text('session_id') ?? '',
    ...(apiErrorStatus === undefined ? {} : { apiErrorStatus }),
  }
}

function parseObject(line: string): Fields | undefined {
  try {
    const value: unknown = JSON.parse(line)
    return isFields(value) ? fieldsOf(value) : undefined
  } catch {
    return undefined
  }
}
