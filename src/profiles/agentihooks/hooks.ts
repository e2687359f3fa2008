import { isFields } from '../merge.ts'
import type { Run } from './run.ts'

type Fields = Readonly<Record<string, unknown>>

/** The commands of its hooks, each once. */
export function hookCommands({ hooks }: Fields): string[] {
  const matchers = isFields(hooks) ? Object.values(hooks).flat() : []
  const entries = matchers.filter(isFields).flatMap(({ hooks: each }) => (Array.isArray(each) ? each : []))
  const commands = entries.filter(isFields).flatMap(({ command }) => (typeof command === 'string' ? [command] : []))
  return [...new Set(commands)]
}

/** Absolute paths that a command seems to name. */
export const pathsIn = (command: string): string[] => command.match(/(?<=^|[\s"'=])\/[^\s"';&|<>()]+/g) ?? []

/**
 * Starts each as Claude Code would, with an event that is none. One that cannot be started there ends with 2, as `cd` and
 * Python do, and that blocks whatever the agent is about to do.
 * @param run as who agents run as
 * @throws Error with what it said
 */
export async function tryHooks(settings: Fields, run: Run): Promise<void> {
  for (const command of hookCommands(settings)) await run('/bin/sh', ['-c', command])
}
