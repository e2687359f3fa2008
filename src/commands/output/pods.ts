import { duration, table } from './text.ts'

/** As long as a lease, unless somebody has set another: what such a server ran is taken back by others. */
const silentAfterMs = 45_000

interface Pod {
  readonly [field: string]: unknown
}

/** The fleet as a table, as far as a server has told of it. */
export function renderPods(pods: readonly Pod[], { now, width }: { now: Date; width: number }): string {
  const rows = pods.map(pod => {
    const silentMs = Math.max(0, now.getTime() - Date.parse(String(pod.last_heartbeat)))
    const state = silentMs > silentAfterMs ? 'silent' : pod.draining === true ? 'draining' : 'claiming'
    return [String(pod.name), `${pod.running}/${pod.capacity}`, state, duration(silentMs), String(pod.version)]
  })
  return table(['NAME', 'RUNNING', 'STATE', 'LAST SEEN', 'VERSION'], rows, width)
}
