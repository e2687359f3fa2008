import { PassThrough, type Readable, Writable } from 'node:stream'
import { execa } from 'execa'
import { markerEnvironment } from '../util/marker.ts'
import { asUser, isMissing, type OtherUser } from './as-user.ts'
import { BoundedText } from './bounded-text.ts'
import { type Line, lines } from './lines.ts'
import { LingerGuard, type LingerLimits } from './linger.ts'

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

/**
 * Starts a program whose output is read line by line while it runs.
 * @param linger for output that is still open when the program has gone, if not as usual
 */
export function startStreamed(program: StreamedProgram, linger?: LingerLimits): StreamedProcess {
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
  const guard = new LingerGuard(child.nodeChildProcess, linger)
  const settled = child.finally(() => guard.stop())
  return {
    pid: child.pid,
    lines: watched(lines(output, program.maxLineBytes), guard),
    // A program that could not be started never exits.
    exited: child.pid === undefined ? settled.then(() => undefined) : guard.exited,
    ended: settled.then(result => ({
      ...(result.exitCode === undefined ? {} : { exitCode: result.exitCode }),
      ...(result.signal === undefined ? {} : { signal: result.signal }),
      missing: isMissing(result, stderr.text()),
      ...(child.pid === undefined ? { notStarted: result.code ?? 'unknown reason' } : {}),
      stderr: stderr.text(),
    })),
  }
}

/**
 * Taken at once: execa lets output run off that nobody has begun to read when the program is already gone. What came
 * before the end is read, whichever way the end came.
 */
function held(output: Readable): Readable {
  const through = new PassThrough()
  output.pipe(through, { end: false })
  output.once('close', () => through.end())
  return through
}

/** The guard counts only the time in which a line is waited for. */
async function* watched(source: AsyncGenerator<Line>, guard: LingerGuard): AsyncGenerator<Line> {
  try {
    for (;;) {
      guard.waiting()
      const { done, value } = await source.next()
      guard.busy()
      if (done) return
      yield value
    }
  } finally {
    // There may be more than one output, and something may hold another one.
    guard.waiting()
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
