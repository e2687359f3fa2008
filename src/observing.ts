import type { Surroundings } from './config/load.ts'
import type { LocalParts } from './parts.ts'
import { Prometheus, type Stats } from './telemetry/prometheus.ts'
import { systemClock } from './util/clock.ts'

/** What a daemon shows of itself: figures for whoever asks, spans for a collector if there is one. */
export interface Observing {
  readonly prometheus: Prometheus
  readonly parts: Partial<Pick<LocalParts, 'measures' | 'tracing' | 'agentTelemetry'>>
  /** Sends what has not been sent. */
  close(): Promise<void>
}

export interface ObservingOptions {
  readonly version: string
  stats(): Promise<Stats>
  warn(message: string): void
}

export async function openObserving({ settings }: Surroundings, options: ObservingOptions): Promise<Observing> {
  const prometheus = new Prometheus({ stats: options.stats, clock: systemClock })
  const { otelEnabled, otelEndpoint: endpoint, otelProtocol: protocol, podName } = settings
  if (otelEnabled === false || endpoint === '') {
    return { prometheus, parts: { measures: prometheus }, close: async () => undefined }
  }
  const { Otel } = await import('./telemetry/otel.ts')
  const tracing = await Otel.open({
    endpoint,
    protocol,
    podName,
    serviceName: 'agenticore',
    serviceVersion: options.version,
    clock: systemClock,
    warn: options.warn,
  })
  const { otelLogPrompts: logPrompts, otelLogToolDetails: logToolDetails } = settings
  const agentTelemetry = { endpoint, protocol, logPrompts, logToolDetails }
  return {
    prometheus,
    parts: { measures: prometheus, tracing, agentTelemetry },
    close: async () => await tracing.shutdown(),
  }
}
