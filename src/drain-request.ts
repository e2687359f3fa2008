import type { DrainOptions, DrainProgress } from './worker/drain.ts'

interface Drainable {
  drain(options: Partial<DrainOptions>): AsyncIterable<DrainProgress>
}

/** A drain as the control socket asks for it and tells of it; what is wrong with the request counts as not given. */
export async function* drainFor(daemon: Drainable, request: unknown): AsyncGenerator<object> {
  for await (const { state, running, leftMs } of daemon.drain(optionsFrom(request))) {
    yield { state, running, left_ms: Math.round(leftMs) }
  }
}

function optionsFrom(request: unknown): Partial<DrainOptions> {
  const { timeout_ms: timeoutMs, now } = { timeout_ms: undefined, now: undefined, ...Object(request) }
  return { ...(typeof timeoutMs === 'number' && timeoutMs >= 0 ? { timeoutMs } : {}), now: now === true }
}
