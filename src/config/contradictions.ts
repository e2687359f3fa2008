import type { Given } from './given.ts'
import { SettingError } from './setting-error.ts'
import type { Settings } from './settings.ts'

/** What was set and how, by variable. */
export type Origins = ReadonlyMap<string, Given>

/** Values that are right alone and wrong together. @throws SettingError that names both */
export function refuseContradictions({ webhookUrl, webhookSecret }: Settings, origins: Origins): void {
  const url = origins.get('AGENTICORE_WEBHOOK_URL')
  if (webhookUrl === '' || webhookSecret !== '' || !url) return
  const secret = url.place === '' ? 'AGENTICORE_WEBHOOK_SECRET' : 'webhook.secret'
  throw new SettingError(
    `${url.place}${url.name} is set and ${secret} is not; set both: only what is signed can be checked.`,
  )
}

/** Values that have no effect beside others. */
export function warnOfContradictions({ otelEnabled, otelEndpoint }: Settings, origins: Origins): string[] {
  const enabled = origins.get('AGENTICORE_OTEL_ENABLED')
  if (otelEnabled !== true || otelEndpoint !== '' || !enabled) return []
  const endpoint = enabled.place === '' ? 'OTEL_EXPORTER_OTLP_ENDPOINT' : 'otel.endpoint'
  return [`${enabled.place}${enabled.name} is true and ${endpoint} is not set; nothing is sent.`]
}
