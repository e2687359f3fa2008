/** The programs that a person at this cluster would use. */
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { execa } from 'execa'

export const root = join(import.meta.dirname, '../..')

export interface Ran {
  readonly exitCode: number | undefined
  readonly stdout: string
  readonly stderr: string
}

interface RunOptions {
  readonly input?: string
  readonly env?: Readonly<Record<string, string>>
  readonly timeoutMs?: number
}

/** Never throws for what the program answers. */
export async function tried(file: string, args: readonly string[], options: RunOptions = {}): Promise<Ran> {
  const { input, env, timeoutMs = 600_000 } = options
  const { exitCode, stdout, stderr } = await execa(file, args, {
    cwd: root,
    reject: false,
    timeout: timeoutMs,
    ...(env ? { env } : {}),
    ...(input === undefined ? { stdin: 'ignore' } : { input }),
  })
  return { exitCode, stdout, stderr }
}

/** What it prints. @throws Error with what it said */
export async function ran(file: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
  const { exitCode, stdout, stderr } = await tried(file, args, options)
  if (exitCode !== 0) throw new Error(`${file} ${args.join(' ')} ended with ${exitCode}: ${stderr || stdout}`)
  return stdout
}

/** What `look` finds, as soon as it finds something; what it throws counts as nothing. @throws after `limitMs` */
export async function until<T>(
  what: string,
  look: () => Promise<T | undefined | false>,
  limitMs = 120_000,
): Promise<T> {
  let last: unknown
  for (const end = performance.now() + limitMs; performance.now() < end; await delay(300)) {
    const seen = await look().catch((error: unknown) => {
      last = error
      return undefined
    })
    if (seen !== undefined && seen !== false) return seen
  }
  throw new Error(`Waited ${limitMs / 1000} s in vain: ${what}. ${last instanceof Error ? last.message : ''}`)
}

export const seconds = (sinceMs: number): string => `${((performance.now() - sinceMs) / 1000).toFixed(1)} s`
