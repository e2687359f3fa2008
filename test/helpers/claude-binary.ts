import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

/** The pinned Claude Code: the native binary in its package for this platform, which needs no install script. */
export function claudeBinary(): string {
  const name = `@anthropic-ai/claude-code-${process.platform}-${process.arch}/package.json`
  return join(dirname(createRequire(import.meta.url).resolve(name)), 'claude')
}
