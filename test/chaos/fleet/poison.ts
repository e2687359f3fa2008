import type { Seen } from '../daemon/clients.ts'
import { type Crash, causesOf, type TroublesOf } from './crashes.ts'
import type { Span } from './spans.ts'

/** As many deaths of its pod in a row end a job. */
const deaths = 3

/** A job that was given up as poison was there when three things happened to the pods that ran it, one after the other. */
export function poisonFaults(
  pods: readonly TroublesOf[],
  jobs: Iterable<Seen>,
  crashesOf: (job: Seen) => readonly Crash[],
): string[] {
  return [...jobs]
    .filter(job => job.error_code === 'poison')
    .flatMap(job => {
      const crashes = crashesOf(job).slice(-deaths)
      const used = new Set<Span>()
      const struck = crashes.filter(crash => {
        const cause = causesOf(crash, pods).find(each => !used.has(each))
        if (cause) used.add(cause)
        return cause !== undefined
      })
      const story = crashes.map(({ fence, pod = 'nowhere' }) => `${fence} on ${pod}`).join(', ')
      return struck.length >= deaths ? [] : [`${job.id} is poison after ${struck.length} of: ${story}`]
    })
}
