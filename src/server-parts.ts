import type { DaemonView } from './daemon-view.ts'
import type { Observing } from './observing.ts'
import type { LocalParts } from './parts.ts'
import type { ServerParts } from './server/http/parts.ts'
import { systemClock } from './util/clock.ts'

interface Means {
  readonly view: DaemonView
  readonly prometheus: Observing['prometheus']
  readonly version: string
  /** Aborts when streams are to end. */
  readonly closing: AbortSignal
}

/** What the HTTP server answers from. */
export function serverPartsFor(
  local: LocalParts,
  { view, prometheus, version, closing }: Means,
): Omit<ServerParts, 'onlyOwnUser'> {
  return {
    service: local.service,
    clock: systemClock,
    version,
    apiKeys: local.surroundings.settings.apiKeys,
    closing,
    whyNotReady: () => view.whyNotReady(),
    warnings: () => view.warnings(),
    status: () => view.status(),
    pods: () => view.pods(),
    profiles: () => view.profiles(),
    patchOf: job => view.patchOf(job),
    metrics: { contentType: prometheus.contentType, text: () => prometheus.text() },
  }
}
