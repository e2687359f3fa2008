import { realpath } from 'node:fs/promises'
import { messageOf } from '../../util/error-code.ts'
import { isFields } from '../merge.ts'
import type { Program } from './program.ts'
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

/** What a user of its own cannot start may be closed to it, the Python too, which an environment only has a link to. */
export function forOthers(run: Run, { file, python = file }: Program): Run {
  return async (...command) => {
    try {
      return await run(...command)
    } catch (error) {
      const real = await realpath(python).catch(() => python)
      throw new Error(
        `${messageOf(error)}. Agents are users of their own, and have to get to agentihooks and to its Python, ${real}: put both where every user may read.`,
      )
    }
  }
}
