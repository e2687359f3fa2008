import { uptime } from 'node:os'

/** A time in which something was wrong, in seconds since the machine was started. */
export interface Span {
  readonly what: string
  readonly from: number
  /** Infinity for what is not over. */
  readonly to: number
}

/** The clock that agents read, too. */
export const now = (): number => uptime()

/** A moment of that clock by the other one, in ms since 1970. */
export const asEpochMs = (seconds: number): number => Date.now() + (seconds - now()) * 1000

export const fromEpochMs = (ms: number): number => now() + (ms - Date.now()) / 1000

/** What happened to one pod, in order. */
export class Spans {
  readonly #spans: { what: string; from: number; to: number }[] = []

  get all(): readonly Span[] {
    return this.#spans
  }

  /** @returns ends it */
  begin(what: string): (forSeconds?: number) => void {
    const span = { what, from: now(), to: Number.POSITIVE_INFINITY }
    this.#spans.push(span)
    return (more = 0) => {
      span.to = now() + more
    }
  }
}
