import t from 'tap'
import { cut } from './cut.ts'
import { parseAgentLine } from './events.ts'

const line = (event: object): string => JSON.stringify(event)
const blocks = (type: string, ...content: object[]): string => line({ type, message: { content } })

t.test("claude's events become ours", async t => {
  for (const [what, text, events] of [
    [
      'init',
      line({
        type: 'system',
        subtype: 'init',
        session_id: 's',
        model: 'm',
        claude_code_version: '2.1.330',
        tools: ['Bash', 7],
        permissionMode: 'plan',
        mcp_servers: [{ name: 'm', status: 'connected' }],
      }),
      [
        {
          type: 'agent_started',
          sessionId: 's',
          model: 'm',
          claudeVersion: '2.1.330',
          tools: ['Bash'],
          permissionMode: 'plan',
          mcpServers: [{ name: 'm', status: 'connected' }],
        },
      ],
    ],
    [
      'several blocks',
      blocks(
        'assistant',
        { type: 'thinking', thinking: 'hm' },
        { type: 'text', text: 'hi' },
        { type: 'tool_use', id: 'u', name: 'Bash', input: { command: 'ls' } },
      ),
      [
        { type: 'thinking', text: 'hm', truncated: false },
        { type: 'message', text: 'hi', truncated: false },
        { type: 'tool_call', toolUseId: 'u', tool: 'Bash', input: { command: 'ls' } },
      ],
    ],
    [
      'a result as text',
      blocks('user', { type: 'tool_result', tool_use_id: 'u', content: 'out' }),
      [{ type: 'tool_result', toolUseId: 'u', ok: true, text: 'out', truncated: false }],
    ],
    [
      'a result in parts, an error',
      blocks('user', {
        type: 'tool_result',
        tool_use_id: 'u',
        is_error: true,
        content: [{ type: 'text', text: 'a' }, { type: 'image' }],
      }),
      [{ type: 'tool_result', toolUseId: 'u', ok: false, text: 'a\n(image)', truncated: false }],
    ],
    [
      'retry',
      line({ type: 'system', subtype: 'api_retry', attempt: 2, retry_delay_ms: 500, error_status: 529 }),
      [{ type: 'model_retry', attempt: 2, delayMs: 500, status: 529 }],
    ],
    [
      'another system event',
      line({ type: 'system', subtype: 'status' }),
      [{ type: 'agent_other', name: 'system/status' }],
    ],
    ['an event of the future', line({ type: 'hologram' }), [{ type: 'agent_other', name: 'hologram' }]],
    ['a user text', line({ type: 'user', message: { content: 'resume' } }), []],
    ['no JSON', 'Segmentation fault', undefined],
    ['no object', '[1]', undefined],
    ['no type', '{}', undefined],
  ] as const) {
    t.strictSame(parseAgentLine(text), events, what)
  }
})

t.test('what happens beside the conversation has events of its own', async t => {
  const system = (subtype: string, fields: object) =>
    parseAgentLine(JSON.stringify({ type: 'system', subtype, ...fields }))
  const tool = { tool_use_id: 'u', tool_name: 'Bash' }
  t.strictSame(system('permission_denied', { ...tool, message: 'no' }), [
    { type: 'permission_denied', toolUseId: 'u', tool: 'Bash', reason: 'no' },
  ])
  t.strictSame(system('model_fallback', { original_model: 'a', fallback_model: 'b', content: 'busy' }), [
    { type: 'model_fallback', from: 'a', to: 'b', reason: 'busy' },
  ])
  t.strictSame(system('compact_boundary', {}), [{ type: 'compacted' }])
  for (const phase of ['started', 'progress', 'updated', 'notification']) {
    t.strictSame(system(`task_${phase}`, { task_id: 't', description: 'look', summary: '' }), [
      { type: 'task', phase, taskId: 't', text: 'look' },
    ])
  }
  t.strictSame(parseAgentLine(JSON.stringify({ type: 'tool_progress', ...tool, elapsed_time_seconds: 9 })), [
    { type: 'tool_progress', toolUseId: 'u', tool: 'Bash', elapsedSeconds: 9 },
  ])
  t.strictSame(system('__proto__', {}), [{ type: 'agent_other', name: 'system/__proto__' }])
})

t.test('a result event is read with its numbers; what is missing counts against success', async t => {
  const [event] =
    parseAgentLine(
      line({
        type: 'result',
        subtype: 'success',
        is_error: false,
        result: 'done',
        num_turns: 3,
        duration_ms: 9,
        total_cost_usd: 0.5,
        session_id: 's',
        usage: { input_tokens: 1, service_tier: 'x' },
      }),
    ) ?? []
  t.strictSame(event, {
    type: 'agent_result',
    subtype: 'success',
    truncated: false,
    isError: false,
    text: 'done',
    numTurns: 3,
    durationMs: 9,
    totalCostUsd: 0.5,
    usage: { input_tokens: 1 },
    sessionId: 's',
  })
  t.match(parseAgentLine(line({ type: 'result' })), [{ isError: true, subtype: '', text: '', numTurns: 0 }])
  t.match(parseAgentLine(line({ type: 'result', is_error: true, errors: ['a', 'b'], api_error_status: 400 })), [
    { text: 'a\nb', apiErrorStatus: 400 },
  ])
})

t.test('texts, inputs and results of any size are cut, and say so', async t => {
  const huge = 'ü'.repeat(1_000_000)
  const [message] = parseAgentLine(blocks('assistant', { type: 'text', text: huge })) ?? []
  t.match(message, { truncated: true })
  const [result] = parseAgentLine(blocks('user', { type: 'tool_result', content: huge })) ?? []
  t.match(result, { truncated: true })
  const [call] = parseAgentLine(blocks('assistant', { type: 'tool_use', input: { content: huge } })) ?? []
  t.ok(JSON.stringify([message, result, call]).length < 400_000)
  for (const bytes of [0, 1, 2, 3, 4, 5, 6, 7, 8]) {
    const { text, truncated } = cut('aü🌈b', bytes)
    t.ok(Buffer.byteLength(text) <= bytes && 'aü🌈b'.startsWith(text), `${bytes}: ${text}`)
    t.equal(truncated, bytes < 8)
  }
})

t.test('an input that is nested too deeply is left out, and said to be', t => {
  const deep = `{"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}`
  const text = `{"type":"assistant","message":{"content":[{"type":"tool_use","id":"u","name":"Bash","input":${deep}}]}}`
  t.match(parseAgentLine(text), [{ type: 'tool_call', input: { truncated: '(nested too deeply)' } }])
  t.end()
})
