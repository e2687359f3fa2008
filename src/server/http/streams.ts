import { Readable } from 'node:stream'
import type { FastifyReply } from 'fastify'
import type { Clock } from '../../util/clock.ts'

/** So that no balancer takes the connection for dead, and a peer that is gone is noticed. */
export const aliveEveryMs = 15_000

/** Everything from `source`; undefined whenever nothing came for `everyMs`. */
export async function* withPauses<T>(
  source: AsyncIterable<T>,
  everyMs: number,
  clock: Clock,
): AsyncGenerator<T | undefined> {
  const iterator = source[Symbol.asyncIterator]()
  try {
    let next = iterator.next()
    for (;;) {
      const result = await orPause(next, everyMs, clock)
      if (result?.done) return
      yield result?.value
      if (result) next = iterator.next()
    }
  } finally {
    await iterator.return?.()
  }
}

async function orPause<T>(next: Promise<T>, ms: number, clock: Clock): Promise<T | undefined> {
  const over = new AbortController()
  const pause = clock.sleep(ms, over.signal).then(
    () => undefined,
    () => undefined,
  )
  try {
    return await Promise.race([next, pause])
  } finally {
    over.abort()
  }
}

/** Aborts when the peer is gone, or the server closes. */
export function whileHeard(reply: FastifyReply, closing: AbortSignal): AbortSignal {
  const gone = new AbortController()
  reply.raw.once('close', () => gone.abort())
  return AbortSignal.any([gone.signal, closing])
}

/** A body that is written as it comes, no faster than it is read. */
export const bodyOf = (chunks: AsyncIterable<string>): Readable =>
  Readable.from(chunks, { objectMode: false, highWaterMark: 16_384 })

/** One message of a `text/event-stream`. */
export const sseMessage = ({ id, event, data }: { id?: string; event?: string; data: string }): string =>
  `${id === undefined ? '' : `id: ${id}\n`}${event === undefined ? '' : `event: ${event}\n`}data: ${data}\n\n`

/** What readers pass over. */
export const sseComment = ':\n\n'
/** How soon a reader whose connection broke comes again. */
export const sseRetry = 'retry: 1000\n\n'
