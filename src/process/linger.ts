import type { Readable } from 'node:stream'
import { hasCode } from '../util/error-code.ts'

const lingerMs = 3000

interface Child {
  readonly stdout: Readable | null
  readonly stderr: Readable | null
  once(event: 'exit' | 'error', listener: () => void): unknown
}

/**
 * A program that is gone can leave children that hold its output open for hours. From its exit on, output that brings
 * nothing for 3 s is closed.
 */
export function lingerGuard(child: Child) {
  let timer: NodeJS.Timeout | undefined
  const exited = new Promise<void>(resolve => {
    child.once('exit', resolve)
    child.once('error', resolve)
  }).then(() => {
    timer = setTimeout(() => closeOutput(child), lingerMs)
  })

  async function* watch<T>(source: AsyncIterable<T>): AsyncGenerator<T> {
    try {
      for await (const item of source) {
        timer?.refresh()
        yield item
      }
    } catch (error) {
      if (!hasCode(error, 'ERR_STREAM_PREMATURE_CLOSE')) throw error
    } finally {
      await exited
      clearTimeout(timer)
    }
  }

  return { exited, watch }
}

function closeOutput(child: Child): void {
  child.stdout?.destroy()
  child.stderr?.destroy()
}
