import type { Readable } from 'node:stream'
import { execa } from 'execa'
import { markerEnvironment } from '../util/marker.ts'
import { asUser, isMissing, type OtherUser } from './as-user.ts'
import { BoundedText } from './bounded-text.ts'
import { signalGroup } from './group.ts'
import { LingerGuard } from './linger.ts'

export interface Command {
  readonly file: string
  readonly args: readonly string[]
  /** Who runs it, if not we. */
  readonly user?: OtherUser
  /** Exactly what the child gets: nothing of this process's environment is added. */
  readonly env: Readonly<Record<string, string>>
  /** Default: the root directory, so that nothing of where we were started takes part. */
  readonly cwd?: string
  readonly input?: string
  /** Of input and standard output; `latin1` keeps bytes as they are. Default: `utf8`. */
  readonly encoding?: 'utf8' | 'latin1'
  readonly signal?: AbortSignal
  /** Stops it as `signal` does; what it said until then is the result all the same. */
  readonly limit?: AbortSignal
  /** Bytes of standard output to keep; the rest is read, dropped, and said. */
  readonly maxOutputBytes?: number
  /** Where standard output goes instead of into the result. */
  readonly outputFile?: string
}

/** How a child ended; the same shape whether it went well or not. */
export interface CommandResult {
  readonly ok: boolean
  /** Absent when it did not exit by itself. */
  readonly exitCode?: number
  readonly signal?: string
  /** True when the program could not be started because it is not there. */
  readonly missing: boolean
  /** Why it was never started: `E2BIG`, `EACCES`. */
  readonly notStarted?: string
  readonly stdout: string
  /** The last 64 KiB. */
  readonly stderr: string
  readonly truncated: boolean
}

const defaultOutputBytes = 64 * 1024 * 1024
const stderrBytes = 64 * 1024
const killAfterMs = 2000

/** Runs a program to its end. Rejects only when `signal` aborts, with its reason, after the child is gone. */
export async function runCommand(command: Command): Promise<CommandResult> {
  const stdout = new BoundedText(command.maxOutputBytes ?? defaultOutputBytes)
  const stderr = new BoundedText(stderrBytes, 'keep the end')
  const { file, args, cwd = '/' } = asUser(command.user, command)
  const stops = [command.signal, command.limit].filter(each => each !== undefined)
  const stopped = AbortSignal.any(stops)
  const child = execa(file, args, {
    env: { ...markerEnvironment(), ...command.env },
    extendEnv: false,
    // A session of its own: Ctrl-C in the terminal is for us, and we decide what it means for the child.
    detached: true,
    reject: false,
    buffer: false,
    forceKillAfterDelay: killAfterMs,
    ...(command.outputFile ? { stdout: { file: command.outputFile } } : {}),
    cwd,
    ...(command.input === undefined ? { stdin: 'ignore' } : { input: Buffer.from(command.input, command.encoding) }),
    ...(stops.length > 0 ? { cancelSignal: stopped } : {}),
  })
  const guard = new LingerGuard(child.nodeChildProcess)
  guard.waiting()
  if (command.outputFile === undefined) collect(child.stdout, stdout, guard)
  collect(child.stderr, stderr, guard)
  // git's helpers (git-remote-https, ssh) outlive git when only git is told to stop.
  const stop = (): void => signalGroup(child.pid, 'SIGTERM')
  stopped.addEventListener('abort', stop, { once: true })
  const result = await child
  guard.stop()
  stopped.removeEventListener('abort', stop)
  if (stopped.aborted) signalGroup(child.pid, 'SIGKILL')
  command.signal?.throwIfAborted()
  return {
    ok: !result.failed,
    ...(result.exitCode === undefined ? {} : { exitCode: result.exitCode }),
    ...(result.signal === undefined ? {} : { signal: result.signal }),
    missing: isMissing(result, stderr.text()),
    ...(child.pid === undefined ? { notStarted: result.code ?? 'unknown reason' } : {}),
    stdout: stdout.text(command.encoding),
    stderr: stderr.text(),
    truncated: stdout.truncated,
  }
}

function collect(stream: Readable | null | undefined, text: BoundedText, guard: LingerGuard): void {
  stream?.on('data', (chunk: Buffer) => {
    guard.touch()
    text.add(chunk)
  })
}
