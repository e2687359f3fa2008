import { type Readable, type Stream, Writable } from 'node:stream'

const limits = { idleMs: 3000, longestMs: 10_000 }

interface Child {
  readonly stdout: Readable | null
  readonly stderr: Readable | null
  readonly stdio: readonly (Stream | null | undefined)[]
  once(event: 'exit' | 'error', listener: () => void): unknown
}

/**
 * A program that is gone can leave children that hold its output open for hours (a daemon, ssh's master connection), or
 * write to it without end. From its exit on, output that brings nothing for 3 s is closed, and any after 10 s: what the
 * program itself wrote is in the pipe by then, and a pipe holds little.
 */
const isOutput = (stream: Stream, child: Child): boolean => stream === child.stdout || stream === child.stderr

export function lingerGuard(child: Child, { idleMs, longestMs } = limits) {
  let idle: NodeJS.Timeout | undefined
  let longest: NodeJS.Timeout | undefined
  let done = false
  const close = (): void => {
    child.stdout?.destroy()
    child.stderr?.destroy()
  }
  const exited = new Promise<void>(resolve => {
    child.once('exit', resolve)
    child.once('error', resolve)
  }).then(() => {
    // Whoever still holds the other end of what the program was given to read, it is of no use to anybody now.
    for (const stream of child.stdio) if (stream instanceof Writable && !isOutput(stream, child)) stream.destroy()
    if (done) return
    idle = setTimeout(close, idleMs)
    longest = setTimeout(close, longestMs)
  })
  return {
    exited,
    /** Something came, or was taken. */
    touch: (): void => void idle?.refresh(),
    /** The output has ended. */
    stop(): void {
      done = true
      clearTimeout(idle)
      clearTimeout(longest)
    },
  }
}
