import { type ExportResult, ExportResultCode } from '@opentelemetry/core'
import type { ReadableSpan, SpanExporter } from '@opentelemetry/sdk-trace'

export type OtlpProtocol = 'grpc' | 'http/protobuf' | 'http/json'

export interface ExporterOptions {
  /** As OTEL_EXPORTER_OTLP_ENDPOINT: by HTTP, without the path of the signal. */
  readonly endpoint: string
  readonly protocol: OtlpProtocol
  /** How long one delivery may take, with what it repeats. */
  readonly timeoutMillis: number
}

/** Each of them brings a library of its own: only the one that is used is loaded. */
export async function exporterFor({ endpoint, protocol, timeoutMillis }: ExporterOptions): Promise<SpanExporter> {
  if (protocol === 'grpc') {
    const { OTLPTraceExporter } = await import('@opentelemetry/exporter-trace-otlp-grpc')
    return new OTLPTraceExporter({ url: endpoint, timeoutMillis })
  }
  const url = `${endpoint.replace(/\/+$/, '')}/v1/traces`
  const { OTLPTraceExporter } =
    protocol === 'http/json'
      ? await import('@opentelemetry/exporter-trace-otlp-http')
      : await import('@opentelemetry/exporter-trace-otlp-proto')
  return new OTLPTraceExporter({ url, timeoutMillis })
}

/**
 * Spans that do not get through are lost: that is said once, and is no failure to whoever sends the next ones, or shuts
 * down.
 */
export class ToleratedExporter implements SpanExporter {
  readonly #exporter: SpanExporter
  readonly #lost: (why: string) => void
  #said = false

  constructor(exporter: SpanExporter, lost: (why: string) => void) {
    this.#exporter = exporter
    this.#lost = lost
  }

  export(spans: ReadableSpan[], done: (result: ExportResult) => void): void {
    this.#exporter.export(spans, ({ code, error }) => {
      if (code !== ExportResultCode.SUCCESS) this.#say(error?.message || 'it gives no reason')
      done({ code: ExportResultCode.SUCCESS })
    })
  }

  async forceFlush(): Promise<void> {
    await this.#exporter.forceFlush?.()
  }

  async shutdown(): Promise<void> {
    await this.#exporter.shutdown()
  }

  #say(why: string): void {
    if (this.#said) return
    this.#said = true
    this.#lost(why)
  }
}
