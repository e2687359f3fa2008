import { type Readable, type Stream, Writable } from 'node:stream'

export interface LingerLimits {
  readonly idleMs: number
  readonly longestMs: number
}

const limits: LingerLimits = { idleMs: 3000, longestMs: 10_000 }

interface Child {
  readonly stdout: Readable | null
  readonly stderr: Readable | null
  readonly stdio: readonly (Stream | null | undefined)[]
  once(event: 'exit' | 'error', listener: () => void): unknown
}

/**
 * A program that is gone can leave children that hold its output open for hours (a daemon, ssh's master connection), or
 * write to it without end. From its exit on, output that is waited for and brings nothing for 3 s is closed, and any after
 * 10 s of waiting: what the program itself wrote is in the pipe by then, and a pipe holds little. Time in which nobody
 * reads does not count, however long whoever reads takes over what came.
 */
export class LingerGuard {
  /** Resolves when the program itself is gone. */
  readonly exited: Promise<void>
  readonly #child: Child
  readonly #idleMs: number
  #leftMs: number
  #hasExited = false
  #isDone = false
  #waitingSince: number | undefined
  #timer: NodeJS.Timeout | undefined

  constructor(child: Child, { idleMs, longestMs }: LingerLimits = limits) {
    this.#child = child
    this.#idleMs = idleMs
    this.#leftMs = longestMs
    this.exited = new Promise<void>(resolve => {
      child.once('exit', resolve)
      child.once('error', resolve)
    }).then(() => this.#begin())
  }

  /** Somebody waits for output. */
  waiting(): void {
    this.#waitingSince ??= performance.now()
    this.#arm()
  }

  /** Something came; who takes it waits for nothing. */
  busy(): void {
    clearTimeout(this.#timer)
    if (this.#hasExited && this.#waitingSince !== undefined) this.#leftMs -= performance.now() - this.#waitingSince
    this.#waitingSince = undefined
  }

  /** Something came, and more is waited for. */
  touch(): void {
    this.busy()
    this.waiting()
  }

  /** All output has ended. */
  stop(): void {
    this.#isDone = true
    clearTimeout(this.#timer)
  }

  #begin(): void {
    // Whoever still holds the other end of what the program was given to read, it is of no use to anybody now.
    for (const stream of this.#child.stdio) {
      if (stream instanceof Writable && !isOutput(stream, this.#child)) stream.destroy()
    }
    this.#hasExited = true
    if (this.#waitingSince === undefined) return
    this.#waitingSince = performance.now()
    this.#arm()
  }

  #arm(): void {
    clearTimeout(this.#timer)
    if (this.#isDone || !this.#hasExited) return
    this.#timer = setTimeout(() => this.#close(), Math.max(0, Math.min(this.#idleMs, this.#leftMs)))
  }

  #close(): void {
    this.#child.stdout?.destroy()
    this.#child.stderr?.destroy()
  }
}

const isOutput = (stream: Stream, child: Child): boolean => stream === child.stdout || stream === child.stderr
