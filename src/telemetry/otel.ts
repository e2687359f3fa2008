import { type Context, ROOT_CONTEXT, type Span, SpanStatusCode, type Tracer, trace } from '@opentelemetry/api'
import { parseTraceParent } from '@opentelemetry/core'
import { resourceFromAttributes } from '@opentelemetry/resources'
import { BatchSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace'
import { failureOf } from '../jobs/failure.ts'
import type { SpanName, SpanOptions, Tracing } from '../jobs/tracing.ts'
import type { Clock } from '../util/clock.ts'
import { exporterFor, type OtlpProtocol, ToleratedExporter } from './exporter.ts'

export interface OtelOptions {
  /** As OTEL_EXPORTER_OTLP_ENDPOINT. */
  readonly endpoint: string
  readonly protocol: OtlpProtocol
  readonly serviceName: string
  readonly serviceVersion: string
  readonly podName: string
  readonly clock: Clock
  warn(message: string): void
}

const shutdownMs = 5000
/** Ends before the shutdown does, so that nothing is left at work then. */
const exportMs = 4000

/** Spans by OTLP. An endpoint that does not answer costs spans, never a job. */
export class Otel implements Tracing {
  readonly #provider: TracerProvider
  readonly #tracer: Tracer
  readonly #clock: Clock

  private constructor(provider: TracerProvider, clock: Clock) {
    this.#provider = provider
    this.#tracer = provider.getTracer('agenticore')
    this.#clock = clock
  }

  static async open({ endpoint, protocol, serviceName, serviceVersion, podName, clock, warn }: OtelOptions) {
    // Not the whole address: it may hold a password.
    const host = URL.parse(endpoint)?.host ?? 'the collector'
    const lost = (why: string): void => warn(`Traces do not get to ${host}: ${why}. Jobs go on without them.`)
    const exporter = new ToleratedExporter(await exporterFor({ endpoint, protocol, timeoutMillis: exportMs }), lost)
    const resource = resourceFromAttributes({
      'service.name': serviceName,
      'service.version': serviceVersion,
      'service.instance.id': podName,
    })
    const spanProcessors = [new BatchSpanProcessor({ exporter, exportTimeoutMillis: shutdownMs })]
    return new Otel(new TracerProvider({ resource, spanProcessors }), clock)
  }

  async span<T>(
    name: SpanName,
    { attributes = {}, parent, startedAt, found }: SpanOptions,
    work: (traceparent: string | undefined) => Promise<T>,
  ): Promise<T> {
    const options = { attributes, ...(startedAt ? { startTime: startedAt } : {}) }
    const span = this.#tracer.startSpan(name, options, contextOf(parent))
    try {
      return await work(traceparentOf(span))
    } catch (error) {
      fail(span, failureOf(error).errorCode)
      throw error
    } finally {
      const late = found?.() ?? {}
      const type = late['error.type']
      if (type !== undefined) fail(span, String(type))
      span.setAttributes(late).end()
    }
  }

  /** Sends what has not been sent, for at most 5 s. */
  async shutdown(): Promise<void> {
    const deadline = this.#clock.deadline(shutdownMs, new Error('late'))
    const late = new Promise<void>(resolve =>
      deadline.signal.addEventListener('abort', () => resolve(), { once: true }),
    )
    try {
      await Promise.race([this.#provider.shutdown(), late])
    } finally {
      deadline.stop()
    }
  }
}

/** The code alone: a message may hold what an agent, or a user, has written. */
function fail(span: Span, code: string): void {
  span.setAttribute('error.type', code).setStatus({ code: SpanStatusCode.ERROR, message: code })
}

function contextOf(parent: string | undefined): Context {
  const remote = parent === undefined ? null : parseTraceParent(parent)
  return remote ? trace.setSpanContext(ROOT_CONTEXT, { ...remote, isRemote: true }) : ROOT_CONTEXT
}

function traceparentOf(span: Span): string {
  const { traceId, spanId, traceFlags } = span.spanContext()
  return `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`
}
