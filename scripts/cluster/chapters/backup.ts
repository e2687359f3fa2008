import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { helm } from '../chart.ts'
import { Fleet } from '../fleet.ts'
import type { Outside } from '../outside.ts'
import { asServer, inPlace, type Place } from '../place.ts'
import type { Chapter } from '../report.ts'
import { ran, seconds, until } from '../run.ts'
import { valuesWith } from '../values.ts'

/** The commands of docs/kubernetes.md, with jobs that ended, one that runs and one that waits; then all of it is lost. */
export async function backup(chapter: Chapter, outside: Outside): Promise<void> {
  const scratch = mkdtempSync(join(tmpdir(), 'agenticore-backup-'))
  const archive = join(scratch, 'job-state.tar')
  try {
    await inPlace(chapter, 'backup', { hasApiKey: true }, place =>
      lostAndRestored(chapter, outside, { place, archive }),
    )
  } finally {
    rmSync(scratch, { recursive: true, force: true })
  }
}

interface Kept {
  readonly place: Place
  readonly archive: string
}

async function lostAndRestored(chapter: Chapter, outside: Outside, { place, archive }: Kept): Promise<void> {
  const values = valuesWith({
    replicas: 1,
    config: { maxParallelJobs: 1 },
    drain: { timeoutSeconds: 40, gracePeriodSeconds: 70 },
  })
  await helm(place, 'install', values)
  const fleet = new Fleet(place, outside, await outside.repository(place.namespace))
  await fleet.untilOver(await fleet.submit('quick', 2))
  const running = await fleet.submit('held', 1)
  await fleet.untilHeld(running)
  const [waiting = ''] = await fleet.submit('quick', 1)

  const inPod = `kubectl --namespace ${place.namespace} exec`
  await ran('bash', ['-c', `${inPod} agenticore-0 -- ${asServer} tar -C /shared -cf - job-state >${archive}`])
  const records = (await ran('tar', ['-tf', archive])).split('\n').filter(name => /^job-state\/[^/]+\.json$/.test(name))
  chapter.report('the copy has a record of each job', records.length === 4, `${records.length} records`)

  await place.helm('uninstall', 'agenticore', '--wait', '--timeout=5m')
  await place.kubectl('delete', 'pvc', 'agenticore-shared', '--wait')
  await place.redis('FLUSHALL')
  await helm(place, 'install', values)
  const none = await fleet.clients.ids()
  chapter.report('an empty volume and an empty Redis know nothing', none.length === 0, `${none.length} jobs`)

  const began = performance.now()
  await ran('bash', ['-c', `${inPod} -i agenticore-0 -- ${asServer} tar -C /shared -xf - <${archive}`])
  await place.redis('DEL', 'agenticore:epoch')
  await until('all jobs are there again', async () => (await fleet.clients.ids()).length === 4, 60_000)
  chapter.report('brought back, all four jobs are there', true, seconds(began))
  const { status } = await fleet.job(waiting)
  chapter.report('what waited waits, or runs', status === 'queued' || status === 'running', status)
  outside.holds.release(running)
  await fleet.reckon(chapter, 'after the restore')
}
