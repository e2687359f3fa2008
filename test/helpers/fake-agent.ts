import { join } from 'node:path'
import type { Test } from 'tap'
import { type Cli, cliFor } from './cli.ts'

/** A machine whose agent is one of the fixtures, which need no model. */
export function fakeAgent(t: Test, agent: string): Cli {
  // tap takes a directory that was made before the first teardown away before it calls any.
  t.teardown(() => undefined)
  const path = join(import.meta.dirname, '../fixtures/agents', agent)
  return cliFor(t.testdir({}), { AGENTICORE_CLAUDE_BINARY: path, ANTHROPIC_API_KEY: 'sk-ant-test-0123456789' })
}
