import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { execa } from 'execa'
import { claudeBinary } from './claude-binary.ts'
import { compileCache } from './compile-cache.ts'

const root = join(import.meta.dirname, '../..')

export interface CliResult {
  readonly exitCode: number | undefined
  readonly stdout: string
  readonly stderr: string
}

export interface Cli {
  readonly home: string
  /** Runs `bin/agenticore`; nothing of the tester's environment is in it. */
  (args: readonly string[], options?: CliOptions): Promise<CliResult>
  /** The same, while it runs. */
  start(args: readonly string[], options?: CliOptions): ReturnType<typeof spawn>
}

export interface CliOptions {
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
  readonly input?: string
}

/**
 * agenticore as a user of the machine `home` is on runs it, with the pinned Claude Code.
 * @param launcher a program, with its arguments, to start it with
 */
export function cliFor(
  home: string,
  common: Readonly<Record<string, string>> = {},
  launcher: readonly string[] = [],
): Cli {
  const temp = join(home, 'tmp')
  mkdirSync(temp, { recursive: true })
  const base = {
    PATH: process.env.PATH ?? '',
    HOME: home,
    TMPDIR: temp,
    // Outside the home that is new each time.
    ...compileCache,
    AGENTICORE_CLAUDE_BINARY: claudeBinary(),
    // Tests may run as root; what `user` adds has a test of its own.
    AGENTICORE_AGENT_ISOLATION: 'none',
    // Whatever else runs on this machine is nobody's server here.
    AGENTICORE_URL: 'http://127.0.0.1:1',
    ...common,
  }
  const start = (args: readonly string[], options: CliOptions = {}) =>
    spawn([...launcher, join(root, 'bin/agenticore'), ...args], { ...base, ...options.env }, options)
  const run = async (args: readonly string[], options: CliOptions = {}): Promise<CliResult> => {
    const { exitCode, stdout, stderr } = await start(args, options)
    return { exitCode, stdout, stderr }
  }
  return Object.assign(run, { home, start })
}

function spawn(command: readonly string[], env: Record<string, string>, { cwd, input }: CliOptions) {
  // tap puts its recorder of loaded files into whatever a test starts, a tenth of a second for each Node.
  return execa('/usr/bin/env', ['-u', 'NODE_OPTIONS', ...command], {
    env,
    extendEnv: false,
    reject: false,
    stripFinalNewline: false,
    ...(cwd === undefined ? {} : { cwd }),
    ...(input === undefined ? { stdin: 'ignore' } : { input }),
  })
}
