export type SpanName = 'job.submit' | 'job.claim' | 'job.prepare' | 'job.run' | 'job.deliver'

export type SpanAttributes = Readonly<Record<string, string | number | boolean>>

export interface SpanOptions {
  readonly attributes?: SpanAttributes
  /** A W3C traceparent: the span this one belongs under; without it, a trace begins. */
  readonly parent?: string
  /** For what began before it was known to whom it belongs; now. */
  readonly startedAt?: Date
  /** Asked when the span ends; with an `error.type` among them it ended badly. */
  found?(): SpanAttributes
}

/** One trace a job: submit, then for each attempt claim, prepare, run, deliver. */
export interface Tracing {
  /**
   * Runs `work` as a span, and ends as `work` does: nothing that is wrong with the tracing shows.
   * @param work gets the W3C traceparent of its span, to hand on to whoever does part of it
   */
  span<T>(name: SpanName, options: SpanOptions, work: (traceparent: string | undefined) => Promise<T>): Promise<T>
}

/** Takes no part, and hands on the trace that others have begun. */
export const noTracing: Tracing = {
  span: async (_, { parent }, work) => await work(parent),
}

/** What a caller sends may be anything. */
export const isTraceparent = (text: string): boolean =>
  /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/.test(text)
