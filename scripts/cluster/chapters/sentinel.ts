import { helm } from '../chart.ts'
import { Fleet } from '../fleet.ts'
import type { Outside } from '../outside.ts'
import { inPlace } from '../place.ts'
import type { Chapter } from '../report.ts'
import { until } from '../run.ts'
import { valuesWith } from '../values.ts'
import { Watched } from '../watched.ts'

/** Servers and KEDA find Redis by a Sentinel, of which the Secret's `redis-url` is all that anybody is told. */
export async function sentinel(chapter: Chapter, outside: Outside): Promise<void> {
  const wish = { hasApiKey: true, isBySentinel: true, password: 'a?b/c@d' }
  await inPlace(chapter, 'sentinel', wish, async place => {
    const keda = { enabled: true, pollingInterval: 2, listLength: 1 }
    await helm(place, 'install', valuesWith({ keda, config: { maxParallelJobs: 1 } }))
    const triggers = await place.field('scaledobject/agenticore-scaler', '.spec.triggers[*].type')
    chapter.report('KEDA is told of it by the chart', triggers === 'redis-sentinel redis-sentinel', triggers)
    await place.kubectl('wait', '--for=condition=Ready', 'scaledobject/agenticore-scaler', '--timeout=120s')
    await using watched = new Watched(place)
    const fleet = new Fleet(place, outside, await outside.repository('sentinel'))
    const ids = await fleet.submit('held', 3)
    await until('3 replicas', async () => watched.now === 3, 120_000)
    chapter.report('3 jobs that do not end, 1 at a time in a pod, listLength 1: 3 replicas', true, watched.path)
    await fleet.untilHeld(ids)
    outside.holds.release(ids)
    await fleet.reckon(chapter, '3 jobs')
  })
}
