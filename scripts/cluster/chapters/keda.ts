import { setTimeout as delay } from 'node:timers/promises'
import { helm } from '../chart.ts'
import { Fleet } from '../fleet.ts'
import { Laptop } from '../laptop.ts'
import type { Outside } from '../outside.ts'
import { inPlace, type Place } from '../place.ts'
import type { Chapter } from '../report.ts'
import { ran, seconds, until } from '../run.ts'
import { ScaleSamples } from '../scale-samples.ts'
import { valuesWith } from '../values.ts'
import { Watched } from '../watched.ts'

const listLength = 5
/** Instead of the chart's 300, so that what has to be waited for is short; all else is as shipped. */
const scaleInSeconds = 30
const pollingSeconds = 2
/** The HPA's own, and the time that a change takes to be seen. */
const lookSeconds = 20
const most = 10
/** The HPA adds as many as there are, or four, in one step. */
const mostFrom = (replicas: number): number => Math.max(replicas + 4, replicas * 2)
/** Long enough for a scale-in to have come, would it come. */
const patienceMs = (scaleInSeconds + 2 * lookSeconds) * 1000

interface Scene {
  readonly chapter: Chapter
  readonly place: Place
  readonly outside: Outside
  readonly fleet: Fleet
  readonly watched: Watched
  readonly samples: ScaleSamples
}

/** Scaling by the real KEDA, with a password on Redis. */
export async function keda(chapter: Chapter, outside: Outside): Promise<void> {
  await inPlace(chapter, 'keda', { hasApiKey: true, password: 'a-p@ss/word', redisIsKept: false }, async place => {
    const values = { enabled: true, pollingInterval: pollingSeconds, scaleInSeconds, listLength }
    await helm(place, 'install', valuesWith({ keda: values, config: { maxParallelJobs: 1 } }))
    await place.kubectl('wait', '--for=condition=Ready', 'scaledobject/agenticore-scaler', '--timeout=120s')
    chapter.report(
      'the Secret of the specification, redis-address=redis:6379, is enough for KEDA',
      true,
      'the ScaledObject is ready',
    )
    await using watched = new Watched(place)
    await using samples = new ScaleSamples(place)
    const fleet = new Fleet(place, outside, await outside.repository('keda'))
    const scene = { chapter, place, outside, fleet, watched, samples }
    const ids = await grows(scene, await takesOneMore(scene))
    const last = await oneStays(scene, ids)
    await withoutKeda(scene)
    await emptied(scene, last)
    await shrinks(scene, last)
    await withoutRedis(scene)
  })
}

/** Far from all limits: two that wait are not yet a pod of their own each. */
async function takesOneMore({ chapter, fleet, watched, outside }: Scene): Promise<string[]> {
  await until('one replica to begin with', async () => watched.now === 1, 60_000)
  const ids = await fleet.submit('held', 3)
  await until('another replica', async () => (watched.now ?? 0) > 1, 120_000)
  chapter.report('1 job runs and 2 wait: 1 → 2 replicas', watched.changes[1]?.replicas === 2, watched.path)
  await until('2 agents at work', async () => atWork(outside, ids) >= 2, 300_000)
  return ids
}

const atWork = ({ holds }: Outside, ids: readonly string[]): number => ids.filter(id => holds.agentsOf(id) > 0).length

/** `floor + queue / listLength`, number by number. @returns all 30 */
async function grows(
  { chapter, fleet, watched, samples, outside }: Scene,
  first: readonly string[],
): Promise<string[]> {
  const [began, atFirst] = [performance.now(), watched.now ?? 1]
  const ids = [...first, ...(await fleet.submit('held', 27))]
  await until('10 replicas', async () => watched.now === most, 180_000)
  chapter.report(
    '30 jobs that do not end, 1 at a time in a pod, listLength 5: up to the 10 of maxReplicas',
    true,
    watched.path,
  )
  const after = watched.changes.filter(({ atMs }) => atMs >= began)
  for (const [n, { replicas, atMs }] of after.entries()) {
    const before = after[n - 1]?.replicas ?? atFirst
    const wanted = samples.wanted(atMs - (pollingSeconds + lookSeconds) * 1000, atMs, listLength)
    const isRight = [...wanted].some(each => Math.min(each, mostFrom(before), most) === replicas)
    const asked = [...wanted].sort((a, b) => a - b).join(', ')
    chapter.report(
      `${before} → ${replicas} replicas, as floor + queue / ${listLength} has it`,
      isRight,
      `it asked for ${asked}`,
    )
  }
  await until('10 agents at work', async () => atWork(outside, ids) === 10, 300_000)
  const seen = samples.now
  chapter.report(
    '10 jobs run, 20 wait',
    seen?.floor === 10 && seen.queue === 20,
    `floor ${seen?.floor}, queue ${seen?.queue}`,
  )
  return ids
}

/** All jobs end but that of the highest ordinal. @returns its id */
async function oneStays(scene: Scene, ids: readonly string[]): Promise<string> {
  const { chapter, place, fleet, samples, outside } = scene
  const jobs = await Promise.all(ids.map(id => fleet.job(id)))
  const last = jobs.find(job => job.pod_name === 'agenticore-9')
  if (!last) throw new Error('no job runs on agenticore-9')
  const waiting = jobs.filter(job => job.status === 'queued').map(job => job.id)
  await using laptop = Laptop.at(place)
  const { exitCode, stderr } = await laptop.agenticore('cancel', ...waiting)
  chapter.report('agenticore cancel: 20 that wait', exitCode === 0, exitCode === 0 ? '' : stderr)
  const others = jobs.filter(job => job.status === 'running' && job.id !== last.id).map(job => job.id)
  outside.holds.release(others)
  await fleet.untilOver(others)
  await until('nothing waits', async () => samples.now?.queue === 0)
  await noneGoes(scene, 'only agenticore-9 is busy: no pod goes')
  chapter.report('the floor is 10 while agenticore-9 is busy', samples.now?.floor === 10, `floor ${samples.now?.floor}`)
  return last.id
}

/** Watched from now on, for longer than a scale-in would take to come. */
async function noneGoes({ chapter, watched }: Scene, what: string): Promise<void> {
  const began = performance.now()
  await delay(patienceMs)
  const numbers = watched.since(began)
  const isKept = numbers.every((each, n) => each >= (numbers[n - 1] ?? each))
  chapter.report(what, isKept, `replicas ${numbers.join(' → ')} for ${seconds(began)}`)
}

const operator = ['--namespace', 'keda', 'scale', 'deployment/keda-operator']

async function withoutKeda(scene: Scene): Promise<void> {
  await ran('kubectl', [...operator, '--replicas=0'])
  await ran('kubectl', [
    '--namespace',
    'keda',
    'wait',
    '--for=delete',
    'pod',
    '--selector=app=keda-operator',
    '--timeout=60s',
  ])
  await noneGoes(scene, "KEDA's operator away: no pod goes").finally(kedaBack)
}

async function kedaBack(): Promise<void> {
  await ran('kubectl', [...operator, '--replicas=1'])
  await ran('kubectl', ['--namespace', 'keda', 'rollout', 'status', 'deployment/keda-operator', '--timeout=180s'])
}

/** Its data goes with its pod here. */
async function emptied(scene: Scene, busy: string): Promise<void> {
  const { chapter, place, samples, fleet } = scene
  const { fence } = await fleet.job(busy)
  const began = performance.now()
  await place.kubectl('delete', 'pod', 'redis-0')
  const goneAt = performance.now()
  await until('the floor is there again', async () =>
    samples.all.some(({ atMs, floor }) => atMs > goneAt && floor === 10),
  )
  const empty = samples.all.filter(({ atMs, floor }) => atMs > goneAt && floor < 10)
  chapter.report(
    'Redis back empty: the rebuild restores agenticore:scale:floor',
    true,
    `10 again ${seconds(began)} after the pod was deleted; ${empty.length} looks found it empty before`,
  )
  await noneGoes(scene, 'and nothing is scaled in')
  chapter.report('and the job that ran goes on', (await fleet.job(busy)).fence === fence, `start ${fence}`)
}

/** Slowly: a pod a minute. */
async function shrinks({ chapter, fleet, watched, outside, samples }: Scene, last: string): Promise<void> {
  const began = performance.now()
  outside.holds.release([last])
  await fleet.untilOver([last])
  await until('1 replica', async () => watched.now === 1, 900_000)
  const numbers = watched.since(began)
  const isRight = String(numbers) === '10,9,8,7,6,5,4,3,2,1'
  chapter.report(
    'its job has ended: 1 replica',
    isRight,
    `${numbers.join(' → ')} in ${seconds(began)}; floor ${samples.now?.floor}`,
  )
}

async function withoutRedis(scene: Scene): Promise<void> {
  const { chapter, place, fleet, outside, watched } = scene
  const ids = await fleet.submit('held', 6)
  await until('two replicas or more', async () => (watched.now ?? 0) >= 2, 120_000)
  const before = watched.now
  await place.kubectl('scale', 'statefulset/redis', '--replicas=0')
  await noneGoes(scene, `Redis away with ${before} replicas: no pod goes`)
  await place.kubectl('scale', 'statefulset/redis', '--replicas=1')
  await place.kubectl('rollout', 'status', 'statefulset/redis', '--timeout=120s')
  outside.holds.release(ids)
  const over = await fleet.untilOver(ids)
  const states = [...over.values()].map(job => job.status)
  chapter.report(
    'Redis back, empty: all jobs end',
    states.length === 6 && states.every(each => each === 'succeeded'),
    states.join(', '),
  )
}
