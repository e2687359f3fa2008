/** Where Claude Code sends what it counts and logs of itself. */
export interface AgentTelemetry {
  readonly endpoint: string
  readonly protocol: 'grpc' | 'http/protobuf' | 'http/json'
  /** Whether what it was asked is in its logs. */
  readonly logPrompts: boolean
  /** Whether what its tools were called with is. */
  readonly logToolDetails: boolean
}

/** For claude alone: what a project's own checks send belongs elsewhere. */
export function telemetryEnvironment(telemetry: AgentTelemetry | undefined): Record<string, string> {
  if (!telemetry) return {}
  const { endpoint, protocol, logPrompts, logToolDetails } = telemetry
  return {
    CLAUDE_CODE_ENABLE_TELEMETRY: '1',
    OTEL_METRICS_EXPORTER: 'otlp',
    OTEL_LOGS_EXPORTER: 'otlp',
    OTEL_EXPORTER_OTLP_PROTOCOL: protocol,
    OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
    OTEL_LOG_USER_PROMPTS: logPrompts ? '1' : '0',
    OTEL_LOG_TOOL_DETAILS: logToolDetails ? '1' : '0',
  }
}
