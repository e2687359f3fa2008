import { setTimeout as delay } from 'node:timers/promises'
import { chart, helm } from '../chart.ts'
import { Fleet } from '../fleet.ts'
import type { Outside } from '../outside.ts'
import { inPlace, type Place } from '../place.ts'
import type { Chapter } from '../report.ts'
import { seconds } from '../run.ts'
import { valuesWith } from '../values.ts'
import { Watched } from '../watched.ts'

/** `helm upgrade` with jobs that run, and with nothing but KEDA turned on. */
export async function upgrade(chapter: Chapter, outside: Outside): Promise<void> {
  await Promise.all([whileJobsRun(chapter, outside), withKedaAlone(chapter)])
}

async function whileJobsRun(chapter: Chapter, outside: Outside): Promise<void> {
  await inPlace(chapter, 'upgrade-jobs', { hasApiKey: true }, async place => {
    const drain = { timeoutSeconds: 40, gracePeriodSeconds: 70 }
    await helm(place, 'install', valuesWith({ drain }))
    const fleet = new Fleet(place, outside, await outside.repository(place.namespace))
    const ids = await fleet.submit('held', 2)
    await fleet.untilHeld(ids)
    await fleet.submit('quick', 6)
    const began = performance.now()
    await helm(place, 'upgrade', valuesWith({ drain, config: { maxParallelJobs: 4 } }))
    chapter.report('helm upgrade --wait while 8 jobs run, 2 of which do not end by themselves', true, seconds(began))
    outside.holds.release(ids)
    await fleet.reckon(chapter, 'helm upgrade')
  })
}

/** After an install with values that the second command does not repeat. */
async function withKedaAlone(chapter: Chapter): Promise<void> {
  await inPlace(chapter, 'upgrade-keda', {}, async place => {
    await helm(place, 'install', valuesWith({ storage: { className: 'efs-sc', size: '7Gi' }, replicas: 3 }))
    const uids = await pods(place)
    await using watched = new Watched(place)
    const began = performance.now()
    const args = ['--set', 'keda.enabled=true', '--wait', '--timeout=5m']
    const said = await place.helm('upgrade', 'agenticore', chart, ...args)
    chapter.report(
      'helm upgrade --set keda.enabled=true, and no other value',
      /STATUS: deployed/.test(said),
      seconds(began),
    )
    const kept = await place.field('pvc/agenticore-shared', '.spec.storageClassName')
    const size = await place.field('pvc/agenticore-shared', '.spec.resources.requests.storage')
    chapter.report('the volume keeps its class and its size', kept === 'efs-sc' && size === '7Gi', `${kept}, ${size}`)
    await place.kubectl('wait', '--for=condition=Ready', 'scaledobject/agenticore-scaler', '--timeout=120s')
    // Two looks of the HPA.
    await delay(35_000)
    const numbers = watched.since(began)
    chapter.report(
      'the replicas stay until KEDA has a reason',
      numbers.every(each => each === 3),
      `${numbers.join(', ')}; pods before ${uids.length}`,
    )
  })
}

const pods = async (place: Place): Promise<string[]> =>
  (await place.kubectl('get', 'pods', '-l', 'app=agenticore', '--output=name')).trim().split('\n')
