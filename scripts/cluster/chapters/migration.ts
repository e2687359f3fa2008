import { join } from 'node:path'
import { helm, helmFrom } from '../chart.ts'
import { Fleet } from '../fleet.ts'
import type { Outside } from '../outside.ts'
import { inPlace, type Place } from '../place.ts'
import type { Chapter } from '../report.ts'
import { root, seconds } from '../run.ts'
import { image, valuesWith } from '../values.ts'

const original = process.env.ORIGINAL_CHART ?? join(root, 'scripts/cluster/original')

/** A record of its, by its own names, and a clone; both are root's, as its container was. */
const oldId = '0b7e6f0e-6d0c-4a53-9c38-1f1d6a4f0b11'
const oldRecord = `/shared/job-state/${oldId}.json`
const leaveOldFiles = `mkdir -p /shared/job-state /shared/repos/0123456789ab/repo &&
echo '{"id": "${oldId}", "task": "of the old one", "status": "succeeded", "mode": "sync"}' >${oldRecord} &&
cd /shared/repos/0123456789ab/repo && git init -q && echo kept >old-clone.txt`

/** From the original's chart, by the commands of docs/migration.md. */
export async function migration(chapter: Chapter, outside: Outside): Promise<void> {
  await inPlace(chapter, 'migration', { hasApiKey: true }, async place => {
    const theirs = {
      storage: { className: 'efs-sc', size: '5Gi' },
      replicas: 3,
      keda: { enabled: true, minReplicas: 3 },
    }
    await helmFrom(original, place, 'install', { ...theirs, image: { tag: image.tag } })
    await place.exec('agenticore-0', leaveOldFiles)
    await place.redis('HSET', `agenticore:job:${oldId}`, 'id', oldId, 'task', 'of the old one', 'status', 'queued')
    const before = await found(place)
    chapter.report('the original is there', before.policy === 'OrderedReady', JSON.stringify(before))

    await place.kubectl('exec', 'agenticore-0', '--', 'chown', '-R', '1000:1000', '/shared')
    await place.kubectl('delete', 'statefulset', 'agenticore', '--cascade=orphan')
    const began = performance.now()
    const said = await helm(place, 'upgrade', valuesWith(theirs))
    chapter.report('helm upgrade with the values they had', /STATUS: deployed/.test(said), seconds(began))
    await place.kubectl('rollout', 'status', 'statefulset/agenticore', '--timeout=300s')

    const after = await found(place)
    chapter.report('pods start all at once from now on', after.policy === 'Parallel', after.policy)
    const isAnew = after.pods.length === 3 && after.pods.every(uid => !before.pods.includes(uid))
    chapter.report('all three pods are new', isAnew, after.pods.join(', '))
    await place.kubectl('wait', '--for=condition=Ready', 'scaledobject/agenticore-scaler', '--timeout=120s')
    const triggers = await place.field('scaledobject/agenticore-scaler', '.spec.triggers[*].name')
    chapter.report("KEDA's objects are the new ones, and ready", triggers === 'queue floor', triggers)
    const isKept = after.volume === before.volume && after.address === before.address
    chapter.report(
      'the volume and the address of the Service are the same',
      isKept,
      `${after.volume}, ${after.address}`,
    )
    await filesOf(chapter, place)
    const fleet = new Fleet(place, outside, await outside.repository(place.namespace))
    const listed = await fleet.clients.ids()
    chapter.report('its jobs are not listed, from files or from Redis', listed.length === 0, listed.join(', '))
    await fleet.submit('quick', 3)
    await fleet.reckon(chapter, 'after the migration')
  })
}

async function found(place: Place) {
  const uids = await place.kubectl(
    'get',
    'pods',
    '-l',
    'app.kubernetes.io/name=agenticore',
    '--output=jsonpath={.items[*].metadata.uid}',
  )
  return {
    policy: await place.field('statefulset/agenticore', '.spec.podManagementPolicy'),
    pods: uids.split(' '),
    volume: await place.field('pvc/agenticore-shared', '.metadata.uid'),
    address: await place.field('service/agenticore', '.spec.clusterIP'),
  }
}

async function filesOf(chapter: Chapter, place: Place): Promise<void> {
  const record = await place.execAsServer('agenticore-0', `cat ${oldRecord}`)
  chapter.report('records of the old one are left as they are', record.includes('of the old one'), record)
  const clone = await place.execAsServer('agenticore-0', 'find /shared/repos -name old-clone.txt')
  chapter.report('an old clone is not deleted', clone.includes('old-clone.txt'), clone)
}
