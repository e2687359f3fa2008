import { PassThrough, pipeline, type Readable, Writable } from 'node:stream'
import { execa } from 'execa'
import { hasCode } from '../util/error-code.ts'
import { markerEnvironment } from '../util/marker.ts'
import { asUser, type OtherUser } from './as-user.ts'
import { BoundedText } from './bounded-text.ts'
import { type Line, lines } from './lines.ts'
import { lingerGuard } from './linger.ts'

export interface StreamedProgram {
  readonly file: string
  readonly args: readonly string[]
  /** Who runs it, if not we. */
  readonly user?: OtherUser
  readonly env: Readonly<Record<string, string>>
  readonly cwd: string
  readonly input: string
  /** Text the child reads from these descriptors (3 and up); in no argv, no environment, no file. */
  readonly descriptors: ReadonlyMap<number, string>
  readonly maxLineBytes: number
  /** How long it has after SIGTERM before SIGKILL. */
  readonly killAfterMs: number
  /** Stops the child: SIGTERM, then SIGKILL. */
  readonly signal: AbortSignal
  /** Called with all that comes from it, whole lines or not. */
  onOutput(): void
}

export interface StreamedResult {
  readonly exitCode?: number
  readonly signal?: string
  readonly missing: boolean
  /** Why it was never started: `E2BIG`, `EACCES`. */
  readonly notStarted?: string
  /** The last 64 KiB. */
  readonly stderr: string
}

export interface StreamedProcess {
  readonly pid: number | undefined
  readonly lines: AsyncIterable<Line>
  /** Resolves when the child itself is gone; what it started may still hold its output open. */
  readonly exited: Promise<void>
  /** Never rejects: how it ended, by itself or stopped. */
  readonly ended: Promise<StreamedResult>
}

const stderrBytes = 64 * 1024

/** Starts a program whose output is read line by line while it runs. */
export function startStreamed(program: StreamedProgram): StreamedProcess {
  const { file, args, cwd = '/' } = asUser(program.user, program)
  const child = execa(file, args, {
    cwd,
    env: { ...markerEnvironment(), ...program.env },
    extendEnv: false,
    // A session of its own: Ctrl-C in the terminal is for us, and we decide what it means for the child.
    detached: true,
    reject: false,
    buffer: false,
    input: program.input,
    stdio: ['pipe', 'pipe', 'pipe', ...extraPipes(program.descriptors)],
    cancelSignal: program.signal,
    forceKillAfterDelay: program.killAfterMs,
  })
  for (const [descriptor, text] of program.descriptors) send(child.stdio[descriptor], text)
  const stderr = new BoundedText(stderrBytes, 'keep the end')
  child.stderr.on('data', (chunk: Buffer) => stderr.add(chunk))
  const output = held(child.stdout)
  child.stdout.on('data', program.onOutput)
  const guard = lingerGuard(child.nodeChildProcess)
  return {
    pid: child.pid,
    lines: watched(lines(output, program.maxLineBytes), guard),
    // A program that could not be started never exits.
    exited: child.pid === undefined ? child.then(() => undefined) : guard.exited,
    ended: child.then(result => ({
      ...(result.exitCode === undefined ? {} : { exitCode: result.exitCode }),
      ...(result.signal === undefined ? {} : { signal: result.signal }),
      missing: result.code === 'ENOENT',
      ...(child.pid === undefined ? { notStarted: result.code ?? 'unknown reason' } : {}),
      stderr: stderr.text(),
    })),
  }
}

/** Taken at once: execa lets output run off that nobody has begun to read when the program is already gone. */
function held(output: Readable): Readable {
  const through = new PassThrough()
  // Why it ended is in `through`, for whoever reads it.
  pipeline(output, through, () => undefined)
  return through
}

async function* watched(source: AsyncIterable<Line>, guard: ReturnType<typeof lingerGuard>): AsyncGenerator<Line> {
  try {
    for await (const line of source) {
      guard.touch()
      yield line
    }
  } catch (error) {
    // What was left open after the program's exit has been closed.
    if (!hasCode(error, 'ERR_STREAM_PREMATURE_CLOSE')) throw error
  } finally {
    guard.stop()
  }
}

/** Descriptors 3, 4, 5, …: a pipe for the child to read where there is text for it. */
function extraPipes(descriptors: ReadonlyMap<number, string>): ('ignore' | { value: 'pipe'; input: true })[] {
  const highest = Math.max(2, ...descriptors.keys())
  return Array.from({ length: highest - 2 }, (_, index) =>
    descriptors.has(index + 3) ? { value: 'pipe', input: true } : 'ignore',
  )
}

function send(pipe: unknown, text: string): void {
  if (!(pipe instanceof Writable)) return
  // A child that ends without reading it closes the pipe; how it ended says more than EPIPE.
  pipe.on('error', () => undefined)
  pipe.end(text)
}
