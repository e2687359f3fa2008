import t from 'tap'
import { lookAtRedis } from '../../src/redis-visit.ts'
import { freePort, redisFor } from '../helpers/redis.ts'

t.test('a cluster is refused, whatever the prefix of its keys', async t => {
  const args = ['--save', '', '--appendonly', 'yes', '--cluster-enabled', 'yes']
  const redis = await redisFor(t, [...args, '--cluster-port', String(await freePort())])
  const { dangers } = await lookAtRedis({ redisUrl: redis.url, redisKeyPrefix: '{agenticore}' })
  t.match(dangers, [{ status: 'error', message: 'it is a Redis Cluster, which does not work', remedy: /Sentinel/ }])
  t.equal(dangers.length, 1)
})

t.test('a Redis that has no memory left is named', async t => {
  const redis = await redisFor(t, ['--save', '', '--appendonly', 'yes', '--maxmemory-policy', 'noeviction'])
  const look = () => lookAtRedis({ redisUrl: redis.url, redisKeyPrefix: 'agenticore' })
  t.same((await look()).dangers, [])
  await redis.client.config('SET', 'maxmemory', '1mb')
  t.match((await look()).dangers, [
    { status: 'warning', message: /its memory is full .* nothing that waits is started/ },
  ])
})
