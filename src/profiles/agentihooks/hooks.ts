import { isFields } from '../merge.ts'
import type { Run } from './run.ts'

type Fields = Readonly<Record<string, unknown>>

/** The commands of hooks that run what is in a directory, each once; others in the same settings are somebody else's. */
export function hookCommands({ hooks }: Fields, directory: string): string[] {
  const matchers = isFields(hooks) ? Object.values(hooks).flat() : []
  const entries = matchers.filter(isFields).flatMap(({ hooks: each }) => (Array.isArray(each) ? each : []))
  const commands = entries.filter(isFields).flatMap(({ command }) => (typeof command === 'string' ? [command] : []))
  return [...new Set(commands.filter(command => command.includes(`${directory}/`)))]
}

/** Absolute paths that a command seems to name. */
export const pathsIn = (command: string): string[] => command.match(/(?<=^|[\s"'=])\/[^\s"';&|<>()]+/g) ?? []

/**
 * Starts each as Claude Code would, with an event that is none. One that cannot be started there ends with 2, as `cd` and
 * Python do, and that blocks whatever the agent is about to do.
 * @param run as who agents run as
 * @throws Error with what it said
 */
export async function tryHooks(commands: readonly string[], run: Run): Promise<void> {
  for (const command of commands) await run('/bin/sh', ['-c', command])
}
