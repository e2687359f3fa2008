import type { Seen, SeenEvent } from '../daemon/clients.ts'
import { asEpochMs, type Span } from './spans.ts'

export interface TroublesOf {
  readonly name: string
  /** Times in which it may have lost its leases. */
  readonly troubles: readonly Span[]
}

/** An attempt that was taken back from a pod that was not heard of any more. Moments are in ms since the epoch. */
export interface Crash {
  readonly fence: string
  /** Undefined when it had not come to say where it ran. */
  readonly pod: string | undefined
  readonly claimedMs: number
  readonly takenBackMs: number
  /** When the job began again, or ended. */
  readonly goesOnMs: number
}

/** A clock is read a moment after what it is read for. */
const slackMs = 100

export function crashesOf(job: Seen, events: readonly SeenEvent[]): Crash[] {
  return events.flatMap((event, n) => {
    const isCrash = event.reason?.includes('died') || event.error_code === 'poison'
    if (!isCrash) return []
    const [fence = ''] = event.id.split('-')
    const claim = events.find(each => each.type === 'claimed' && each.id.startsWith(`${fence}-`))
    const next = events.slice(n).find(each => each.type === 'claimed')
    return [
      {
        fence,
        pod: claim?.pod_name,
        claimedMs: Date.parse((claim ?? events[n - 1] ?? event).at),
        takenBackMs: Date.parse(event.at),
        goesOnMs: Date.parse(next?.at ?? job.ended_at ?? event.at),
      },
    ]
  })
}

/** What may have been the cause: it happened to that pod, or, if that is not known, to any, while the attempt ran. */
export function causesOf({ pod, claimedMs, takenBackMs }: Crash, pods: readonly TroublesOf[]): Span[] {
  const those = pods.filter(({ name }) => pod === undefined || name === pod).flatMap(({ troubles }) => troubles)
  return those.filter(
    ({ from, to }) => asEpochMs(from) <= takenBackMs + slackMs && asEpochMs(to) >= claimedMs - slackMs,
  )
}

/** From what struck a pod to the moment at which what it ran went on; ascending, in ms. */
export function recoveriesMs(crashes: readonly Crash[], pods: readonly TroublesOf[]): number[] {
  return crashes
    .filter(({ pod }) => pod !== undefined)
    .flatMap(crash => {
      const [cause] = causesOf(crash, pods)
      return cause ? [crash.goesOnMs - Math.max(asEpochMs(cause.from), crash.claimedMs)] : []
    })
    .sort((a, b) => a - b)
}
