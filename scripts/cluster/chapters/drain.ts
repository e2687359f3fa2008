import { helm } from '../chart.ts'
import { follow } from '../evidence.ts'
import { Fleet } from '../fleet.ts'
import type { Outside } from '../outside.ts'
import { inPlace } from '../place.ts'
import type { Chapter } from '../report.ts'
import { until } from '../run.ts'
import { valuesWith } from '../values.ts'

const inHurry = { timeoutSeconds: 40, gracePeriodSeconds: 70 }
const asShipped = { timeoutSeconds: 270, gracePeriodSeconds: 300 }

/** A pod that has to go while its agent does not end: with little time, and with the chart's own. */
export async function drain(chapter: Chapter, outside: Outside): Promise<void> {
  await Promise.all([
    drained(chapter, outside, 'drain-short', inHurry),
    drained(chapter, outside, 'drain-long', asShipped),
  ])
}

async function drained(chapter: Chapter, outside: Outside, name: string, times: typeof inHurry): Promise<void> {
  const { timeoutSeconds, gracePeriodSeconds } = times
  const title = `drain ${timeoutSeconds} s, grace ${gracePeriodSeconds} s`
  await inPlace(chapter, name, { hasApiKey: true }, async place => {
    await helm(place, 'install', valuesWith({ drain: times, config: { maxParallelJobs: 2 } }))
    const fleet = new Fleet(place, outside, await outside.repository(name))
    const [id = ''] = await fleet.submit('held', 1)
    await fleet.untilHeld([id])
    const before = await fleet.job(id)
    const began = performance.now()
    const log = follow(place, before.pod_name)
    const passed = (): number => (performance.now() - began) / 1000
    const gone = place
      .kubectl('delete', 'pod', before.pod_name, '--wait', `--timeout=${gracePeriodSeconds + 60}s`)
      .then(passed)
    const after = await until(
      'the job runs on another pod',
      async () => {
        const job = await fleet.job(id)
        return job.status === 'running' && job.pod_name !== '' && job.pod_name !== before.pod_name && job
      },
      (gracePeriodSeconds + 60) * 1000,
    )
    const movedAfter = passed()
    chapter.report(
      `${title}: a job that does not end runs again elsewhere`,
      movedAfter < timeoutSeconds,
      `${before.pod_name} → ${after.pod_name} after ${movedAfter.toFixed(1)} s`,
    )
    chapter.report(
      `${title}: it is let alone until 25 s before the end of the drain`,
      movedAfter >= timeoutSeconds - 25,
      `${movedAfter.toFixed(1)} s`,
    )
    await log
    const goneAfter = await gone
    chapter.report(
      `${title}: the pod is gone inside its grace period`,
      goneAfter < gracePeriodSeconds,
      `${goneAfter.toFixed(1)} s`,
    )
    await fleet.untilHeld([id])
    chapter.report(
      `${title}: one agent works on it, and no second one`,
      outside.holds.agentsOf(id) === 1,
      `${outside.holds.agentsOf(id)} agent`,
    )
    outside.holds.release([id])
    await fleet.reckon(chapter, title)
  })
}
