import t from 'tap'
import { endOf, fleet, submitTo } from '../helpers/fleet.ts'
import { until } from '../helpers/until.ts'

t.test('work stealing: jobs sent to one pod run on both, and LLEN of the queue is what waits, exactly', async t => {
  const world = await fleet(t, { agent: 'obeys', env: { AGENTICORE_MAX_PARALLEL_JOBS: '1' } })
  const [one] = [await world.pod('pod-a'), await world.pod('pod-b')]
  const gate = world.gate()
  for (let n = 0; n < 4; n++) await one.cli(['run', gate.task])
  await gate.begun(2)
  t.equal(await world.redis.client.llen('agenticore:queue'), 2)
  const running = JSON.parse((await one.cli(['jobs', '--status', 'running', '--json'])).stdout)
  t.strictSame(running.map((job: { pod_name: string }) => job.pod_name).sort(), ['pod-a', 'pod-b'])
  gate.open()
  await until(
    async () =>
      (await one.request('GET', '/status')).json.queued + (await one.request('GET', '/status')).json.running === 0 ||
      undefined,
  )
  const names = JSON.parse((await one.cli(['jobs', '--json'])).stdout).map((job: { pod_name: string }) => job.pod_name)
  t.equal(names.length, 4)
  t.strictSame([...new Set(names)].sort(), ['pod-a', 'pod-b'])
  t.equal(await world.redis.client.llen('agenticore:queue'), 0)
  const pods = JSON.parse((await one.cli(['pods', '--json'])).stdout)
  t.match(pods, [{ name: /pod-[ab]/, capacity: 1, running: 0, draining: false }, { name: /pod-[ab]/ }])
})

t.test('6. a dead pod’s jobs run again within lease and sweep', async t => {
  const world = await fleet(t, { agent: 'obeys' })
  const dying = await world.pod('pod-a')
  const gate = world.gate()
  const id = await submitTo(dying, gate.task)
  await gate.begun()
  const heir = await world.pod('pod-b')
  await dying.kill()
  const killedMs = performance.now()
  await gate.begun(2)
  t.ok(performance.now() - killedMs < 5000 + 2 * 1200 + 2500, 'lease, two looks, and a start')
  gate.open()
  t.match(await endOf(heir, id), { status: 'succeeded', pod_name: 'pod-b', fence: 2, attempt: 1, interruptions: 1 })
})
