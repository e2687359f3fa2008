import { helm } from '../chart.ts'
import { Fleet } from '../fleet.ts'
import { Frozen } from '../frozen.ts'
import type { Outside } from '../outside.ts'
import { inPlace, type Place } from '../place.ts'
import type { Chapter } from '../report.ts'
import { seconds, until } from '../run.ts'
import { valuesWith } from '../values.ts'

const leaseSeconds = 45

/** Everything that takes pods, Redis or the node away while jobs run. */
export async function faults(chapter: Chapter, outside: Outside): Promise<void> {
  await inPlace(chapter, 'faults', { hasApiKey: true }, async place => {
    const drain = { timeoutSeconds: 40, gracePeriodSeconds: 70 }
    await helm(place, 'install', valuesWith({ replicas: 3, drain }))
    const fleet = new Fleet(place, outside, await outside.repository('faults'), 3)
    for (const fault of [frozenNode, rolledOut, forced, withoutRedis, emptied])
      await fault({ chapter, place, outside, fleet })
  })
}

interface Scene {
  readonly chapter: Chapter
  readonly place: Place
  readonly outside: Outside
  readonly fleet: Fleet
}

/** Some jobs in the middle, whatever happens next; the others come and go by themselves. */
async function begun({ fleet }: Scene, { held, quick }: { held: number; quick: number }): Promise<string[]> {
  const ids = await fleet.submit('held', held)
  await fleet.untilHeld(ids)
  await fleet.submit('quick', quick)
  return ids
}

async function rolledOut(scene: Scene): Promise<void> {
  const { chapter, place, outside, fleet } = scene
  const ids = await begun(scene, { held: 3, quick: 17 })
  const began = performance.now()
  await place.kubectl('rollout', 'restart', 'statefulset/agenticore')
  await place.kubectl('rollout', 'status', 'statefulset/agenticore', '--timeout=600s')
  chapter.report(
    'kubectl rollout restart during 20 jobs, 3 of which do not end by themselves',
    true,
    `3 pods replaced in ${seconds(began)}`,
  )
  outside.holds.release(ids)
  await fleet.reckon(chapter, 'rollout restart')
}

async function forced(scene: Scene): Promise<void> {
  const { chapter, place, outside, fleet } = scene
  const ids = await begun(scene, { held: 3, quick: 5 })
  const { pod_name: pod } = await fleet.job(ids[0] ?? '')
  const hit = await runningOn(scene, ids, pod)
  const began = performance.now()
  await place.kubectl('delete', 'pod', pod, '--force', '--grace-period=0')
  await again(scene, hit, began)
  outside.holds.release(ids)
  await fleet.reckon(chapter, 'kubectl delete pod --force')
}

async function runningOn({ fleet }: Scene, ids: readonly string[], pod: string): Promise<Map<string, number>> {
  const jobs = await Promise.all(ids.map(id => fleet.job(id)))
  return new Map(jobs.filter(job => job.pod_name === pod).map(job => [job.id, job.fence]))
}

/** Those of a dead pod run once more; how long that takes is promised: a lease, and the next look. */
async function again({ chapter, fleet }: Scene, hit: ReadonlyMap<string, number>, began: number): Promise<void> {
  await until('the jobs of the lost pod run again', async () => {
    const jobs = await Promise.all([...hit.keys()].map(id => fleet.job(id)))
    return jobs.every(job => job.fence > (hit.get(job.id) ?? 0) && job.pod_name !== '')
  })
  const took = (performance.now() - began) / 1000
  chapter.report(
    `what a lost pod ran is claimed again within ${leaseSeconds + 15} s`,
    took < leaseSeconds + 15,
    `${hit.size} jobs, ${took.toFixed(1)} s`,
  )
}

/** What befalls Redis, and jobs that run go on as if nothing had. */
async function nothingOf(scene: Scene, what: string, befall: (place: Place) => Promise<void>): Promise<void> {
  const { chapter, place, outside, fleet } = scene
  const ids = await begun(scene, { held: 3, quick: 7 })
  const starts = async () => await Promise.all(ids.map(async id => (await fleet.job(id)).fence))
  const before = await starts()
  await befall(place)
  const after = await starts()
  chapter.report(
    `${what}: jobs that run go on`,
    String(after) === String(before),
    `starts before ${before}, after ${after}`,
  )
  outside.holds.release(ids)
  await fleet.reckon(chapter, what)
}

const withoutRedis = (scene: Scene): Promise<void> =>
  nothingOf(scene, "Redis' pod deleted", async place => {
    await place.kubectl('delete', 'pod', 'redis-0')
    await place.kubectl('rollout', 'status', 'statefulset/redis', '--timeout=120s')
  })

const emptied = (scene: Scene): Promise<void> =>
  nothingOf(scene, 'Redis emptied', async place => {
    await place.redis('flushall')
    await until('the rebuild', async () => (await place.redis('exists', 'agenticore:epoch')) === '1')
  })

/** kubelet stands still, and a pod with it, as on a node that is cut off; both come back when others have its jobs. */
async function frozenNode(scene: Scene): Promise<void> {
  const { chapter, place, outside, fleet } = scene
  const ids = await begun(scene, { held: 6, quick: 3 })
  const { pod_name: pod } = await fleet.job(ids[0] ?? '')
  const hit = await runningOn(scene, ids, pod)
  const began = performance.now()
  const frozen = await Frozen.with(place, pod)
  try {
    await place.kubectl('wait', '--for=condition=Ready=Unknown', 'node/node-1', '--timeout=120s')
    chapter.report('kubelet stopped: the node is lost', true, `after ${seconds(began)}`)
    await until('the jobs of the pod that stands still are claimed elsewhere', async () => {
      const jobs = await Promise.all([...hit.keys()].map(id => fleet.job(id)))
      return jobs.every(job => job.fence > (hit.get(job.id) ?? 0) && job.pod_name !== pod)
    })
    // The one that stands still has not let go of its connection.
    await until('each has two agents', async () => [...hit.keys()].every(id => outside.holds.agentsOf(id) === 2))
    chapter.report(
      'what it ran runs elsewhere',
      true,
      `${hit.size} jobs, after ${seconds(began)}; 2 agents each, one stands still`,
    )
  } finally {
    await frozen.thaw()
  }
  await place.kubectl('wait', '--for=condition=Ready', 'node/node-1', '--timeout=120s')
  await until('no second agent', async () => ids.every(id => outside.holds.agentsOf(id) === 1), 60_000).catch(
    () => undefined,
  )
  const agents = ids.map(id => outside.holds.agentsOf(id))
  chapter.report(
    'the pod that is back ends the agents of jobs that it has lost',
    agents.every(count => count === 1),
    `agents for each job: ${agents}`,
  )
  outside.holds.release(ids)
  await fleet.reckon(chapter, 'kubelet stopped and continued')
}
