import type { Readable } from 'node:stream'

const lingerMs = 3000

interface Child {
  readonly stdout: Readable | null
  readonly stderr: Readable | null
  once(event: 'exit' | 'error', listener: () => void): unknown
}

/**
 * A program that is gone can leave children that hold its output open for hours (a daemon, ssh's master connection).
 * From its exit on, output that brings nothing for 3 s is closed.
 */
export function lingerGuard(child: Child) {
  let timer: NodeJS.Timeout | undefined
  let done = false
  const exited = new Promise<void>(resolve => {
    child.once('exit', resolve)
    child.once('error', resolve)
  }).then(() => {
    if (!done) timer = setTimeout(() => closeOutput(child), lingerMs)
  })
  return {
    exited,
    /** Something came, or was taken. */
    touch: (): void => void timer?.refresh(),
    /** The output has ended. */
    stop(): void {
      done = true
      clearTimeout(timer)
    },
  }
}

function closeOutput(child: Child): void {
  child.stdout?.destroy()
  child.stderr?.destroy()
}
