import { Readable } from 'node:stream'
import type { FastifyReply } from 'fastify'
import { type Clock, pause } from '../../util/clock.ts'

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
    for (;;) {
      const next = iterator.next()
      for await (const _ of pauses(next, everyMs, clock)) yield undefined
      const result = await next
      if (result.done) return
      yield result.value
    }
  } finally {
    await iterator.return?.()
  }
}

/** One whenever `everyMs` are over, until `next` is there. It hears of that once: what waits for days must not pile up. */
export async function* pauses(next: Promise<unknown>, everyMs: number, clock: Clock): AsyncGenerator<void> {
  const there = new AbortController()
  const arrived = (): void => there.abort()
  next.then(arrived, arrived)
  while (!there.signal.aborted) {
    await pause(clock, everyMs, there.signal)
    if (!there.signal.aborted) yield
  }
}

/** Aborts when the peer is gone, or the server closes. */
export function whileHeard(reply: FastifyReply, closing: AbortSignal): AbortSignal {
  const gone = new AbortController()
  reply.raw.once('close', () => gone.abort())
  return AbortSignal.any([gone.signal, closing])
}

/**
 * A reply that comes bit by bit. Its connection goes with it: a server that closes has ended the reply, and would wait
 * for a reader who keeps the connection for another request.
 */
export const asStream = (reply: FastifyReply, type: string): FastifyReply =>
  reply.type(type).header('connection', 'close').header('cache-control', 'no-store').header('x-accel-buffering', 'no')

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
