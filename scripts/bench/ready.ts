/** See scripts/bench/ready. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { freePort } from '../../test/helpers/redis.ts'
import { conditions, interleave, report, roundsFrom } from './measure.ts'

const root = join(import.meta.dirname, '../..')
const agent = join(root, 'test/fixtures/agents/talks')

/** Until `path` answers 200; the server has a home of its own, and is ended. */
async function started(program: string, path: string): Promise<number> {
  const home = mkdtempSync(join(tmpdir(), 'agenticore-ready-'))
  const port = String(await freePort())
  const startMs = performance.now()
  const server = spawn(program, ['serve', '--port', port], {
    env: {
      PATH: process.env.PATH ?? '',
      HOME: home,
      AGENTICORE_CLAUDE_BINARY: agent,
      AGENTICORE_AGENT_ISOLATION: 'none',
      ANTHROPIC_API_KEY: 'sk-ant-bench-0123456789',
    },
    stdio: 'ignore',
  })
  const ended = once(server, 'exit')
  try {
    for (;;) {
      if (server.exitCode !== null) throw new Error(`${program} ended with ${server.exitCode}`)
      const response = await fetch(`http://127.0.0.1:${port}${path}`).catch(() => undefined)
      if (response?.status === 200) return performance.now() - startMs
      await delay(5)
    }
  } finally {
    server.kill('SIGKILL')
    await ended
    rmSync(home, { recursive: true, force: true, maxRetries: 5 })
  }
}

const ours = join(root, 'bin/agenticore')
const original = join(root, '.tools/original/1.9.0/bin/agenticore')
const candidates = [
  { name: "the original's /health", run: () => started(original, '/health') },
  { name: 'our /health', run: () => started(ours, '/health') },
  { name: 'our /ready', run: () => started(ours, '/ready') },
]
const rows = await interleave(candidates, roundsFrom(process.argv, 7), 1)
const [first] = rows
console.log(conditions())
console.log(report(rows, ({ median }) => (first ? `${(median / first.median).toFixed(2)} ×` : '')))
